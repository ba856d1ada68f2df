"""The outermost middleware: every request has an id, is counted and timed, and is one log line.

No path, query, header or body goes into the line: paths carry ids, and the rest may carry tokens and keys.
"""

import re
import time
from collections.abc import Mapping
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from device_registry.settings import Settings

from . import asking, metrics
from .access_log import AccessLog
from .asking import Asked
from .payload import LIMIT
from .problems import internal_error

_LOG = structlog.get_logger(__name__)

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
"""What is taken over from a client: it goes into headers, log lines and events."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Others are counted together: a client may invent any number of them."""


class Observed:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._access_log = AccessLog(on=settings.ACCESS_LOG, as_json=settings.LOG_FORMAT == "json")
        self._body_limit = settings.BODY_LIMIT_MIB

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        id_ = _request_id(scope)
        scope[LIMIT] = self._body_limit

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", id_.encode())]
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=id_)
        asking.begin(Asked(id=id_))
        try:
            await self._app(scope, receive, noting)
        except Exception:
            # Here, so that the client gets the id that stands in the log.
            _LOG.exception("a bug", route=_route(scope))
            if status:
                raise
            await internal_error()(scope, receive, noting)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Mapping[str, Any], status: int, seconds: float) -> None:
        route = _route(scope)
        shown = scope["method"] if scope["method"] in _METHODS else "other"
        metrics.REQUESTS.labels(route, shown, status).inc()
        metrics.SECONDS.labels(route, shown).observe(seconds)
        asked = asking.current()
        self._access_log.write(
            asked.id,
            method=shown,
            route=route,
            status=status,
            seconds=round(seconds, 6),
            tenant=asked.tenant,
            user=asked.user,
        )


def _route(scope: Mapping[str, Any]) -> str:
    return getattr(scope.get("route"), "path", "")


def _request_id(scope: Scope) -> str:
    """The client's, or one of our own where it has none or an odd one."""
    given = _header(scope, b"x-request-id")
    return given.decode() if _REQUEST_ID.fullmatch(given) else Asked().id


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name == wanted), b"")
