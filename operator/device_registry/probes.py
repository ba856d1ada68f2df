"""Health, metrics and the level of logging over HTTP, on a port of their own, for every program.

`/healthz`, `/readyz`, `/metrics`; `GET /log` answers the level, `PUT /log` with `{"level": "DEBUG"}` changes
it until the program ends.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from importlib.metadata import version

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from . import logs
from .settings import LEVELS

Checks = Mapping[str, Callable[[], bool]]
"""Questions by name. They are asked in the event loop at each probe, so they look and do not wait."""

BUILD_INFO = Gauge("device_manager_build_info", "1, with the version of the program.", ["version"])

_NEVER_KEPT = 0.0
"""Probes are rare, and an idle connection would only hold up a stop."""


class Probes:
    """The server. That it answers at all shows that the event loop makes progress.

    `alive` fails when only a restart helps, `ready` when the program cannot do its work now. The answer
    lists each check, with status 200 or 503.
    """

    def __init__(self, host: str, port: int, *, alive: Checks, ready: Checks) -> None:
        self._host = host
        self._port = port
        application = web.Application()
        application.router.add_get("/healthz", _probe(alive))
        application.router.add_get("/readyz", _probe(ready))
        application.router.add_get("/metrics", _metrics)
        application.router.add_get("/log", _level)
        application.router.add_put("/log", _change_level)
        BUILD_INFO.labels(version=version("device-manager")).set(1)
        self._runner = web.AppRunner(application, access_log=None, keepalive_timeout=_NEVER_KEPT)

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port that it listens on, also when it was asked for any (0)."""
        return int(self._runner.addresses[0][1])


def _probe(checks: Checks) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        found = {name: check() for name, check in checks.items()}
        status = HTTPStatus.OK if all(found.values()) else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response(
            {name: "ok" if good else "failing" for name, good in found.items()}, status=status
        )

    return answer


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _level(_: web.Request) -> web.Response:
    return web.json_response({"level": logs.level()})


async def _change_level(request: web.Request) -> web.Response:
    wanted = _wanted_level(await request.text())
    if wanted not in LEVELS:
        text = f'{{"level": …}} must be one of {", ".join(LEVELS)}'
        return web.json_response({"message": text}, status=HTTPStatus.BAD_REQUEST)
    logs.set_level(wanted)
    return await _level(request)


def _wanted_level(body: str) -> str:
    """The level that a body asks for, in capitals; empty if it asks for none."""
    try:
        asked = json.loads(body)
    except ValueError:
        return ""
    return str(asked.get("level", "")).upper() if isinstance(asked, dict) else ""
