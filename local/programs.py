"""The programs of this project as parts of the platform: operator, api and monitor.

Called by `local.laptop`, after the infrastructure has started.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial

from local.answers import http_ok
from local.errors import PartFailed
from local.folder import Folder
from local.ports import LOOPBACK
from local.process import Plan

COMMAND = (sys.executable, "-m", "device_manager")

API = "api"
PROGRAMS = {"operator": "device_operator", API: "device_api", "monitor": "device_monitor"}
"""Program -> its package."""

PORTS: dict[str, int | None] = {API: 5000} | {f"{name}-metrics": None for name in PROGRAMS}
"""Ports, and which one to prefer: the facade's is the one that people type."""


def owner(port: str) -> str:
    """Return the program that uses a port of `PORTS`."""
    return port.removesuffix("-metrics")


def plans(environment: Mapping[str, str], ports: Mapping[str, int]) -> list[Plan]:
    """Return how the programs are run that exist; `environment` says where the infrastructure is."""
    return [_plan(name, environment, ports) for name, package in PROGRAMS.items() if _exists(package)]


def urls(ports: Mapping[str, int]) -> dict[str, str]:
    """Return the addresses of the programs as variables for people's shells."""
    metrics = {
        f"{name.upper()}_METRICS_URL": f"http://{LOOPBACK}:{ports[f'{name}-metrics']}/metrics"
        for name, package in PROGRAMS.items()
        if _exists(package)
    }
    return {"API_URL": f"http://{LOOPBACK}:{ports[API]}", **metrics}


def migrate(environment: Mapping[str, str], folder: Folder) -> None:
    """Bring the registry's schema up to date; raises PartFailed."""
    log = folder.log("migrate")
    with log.open("wb") as output:
        done = subprocess.run(
            [*COMMAND, "migrate"],
            env=os.environ | environment,
            stdout=output,
            stderr=output,
            check=False,
        )
    if done.returncode:
        raise PartFailed("migrate", f"ended with exit code {done.returncode}", log)


def _plan(name: str, environment: Mapping[str, str], ports: Mapping[str, int]) -> Plan:
    metrics = ports[f"{name}-metrics"]
    address = ports[API] if name == API else metrics
    own = {
        "API_HOST": LOOPBACK,
        "API_PORT": str(ports[API]),
        "METRICS_HOST": LOOPBACK,
        "METRICS_PORT": str(metrics),
    }
    return Plan(
        name=name,
        address=f"http://{LOOPBACK}:{address}",
        command=lambda: [*COMMAND, name],
        environment={**environment, **own},
        ready=partial(http_ok, metrics, "/readyz"),
    )


def _exists(package: str) -> bool:
    return importlib.util.find_spec(f"{package}.__main__") is not None
