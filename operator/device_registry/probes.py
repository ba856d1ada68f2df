"""Health and metrics over HTTP: /healthz, /readyz and /metrics on a port of their own, for every program."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Checks = Mapping[str, Callable[[], bool]]
"""Questions by name. They are asked in the event loop at each probe, so they look and do not wait."""

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
