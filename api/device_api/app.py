"""Puts the facade together as an ASGI application."""

from importlib.metadata import version

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from device_registry.settings import AuthMode, Settings

from . import documentation, problems
from .context import Context
from .observing import Observed
from .routes import router
from .tokens import Authentication, Judge, Trusting, only_tenant
from .verification import Verifying

_LOG = structlog.get_logger(__name__)

_ABOUT = "The REST interface of the dojot DeviceManager, on devices and templates that live in Kubernetes."


def create_app(context: Context) -> FastAPI:
    """The application. Raises UnusableSettings for settings that cannot be honoured."""
    judge = _judge(context.settings)
    app = FastAPI(
        title="device-manager",
        version=version("device-manager"),
        description=_ABOUT,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
    )
    app.state.context = context
    # Included as a router of its own it would be searched twice: a quarter of the time outside Postgres.
    app.router.routes.extend(router.routes)
    problems.install(app, router.routes)
    documentation.install(app)
    # The last one added is asked first.
    app.add_middleware(Authentication, judge=judge)
    app.add_middleware(Observed, settings=context.settings)
    app.add_middleware(HeadAsGet)
    return app


def _judge(settings: Settings) -> Judge:
    if settings.AUTH_MODE is AuthMode.VERIFY:
        return Verifying(settings)
    _LOG.warning("tokens are trusted without verification: let only the API gateway reach this port")
    return Trusting(only_tenant(settings.SINGLE_TENANT))


class HeadAsGet:
    """ASGI middleware: HEAD is GET without a body, which the server leaves out by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, as GET if it is HEAD."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)
