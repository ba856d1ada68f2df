"""Who asks: the tenant of a request, from its token (contract: tenancy and JWT).

Behind the API gateway the token is trusted as the original trusts it: the claim `service` of the middle part
is read, and nothing is verified. The middleware asks before anything else, unknown paths included.
"""

import json
import re
from base64 import b64decode
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from device_registry.domain.model import Tenant
from device_registry.settings import AuthMode, Settings

from .problems import Problem, answer, refusal

_LOG = structlog.get_logger(__name__)

_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_BOTH_ALPHABETS = str.maketrans("-_", "+/")
_OPEN_PATHS = frozenset({"/docs", "/openapi.json"})
"""What tells nothing about any tenant is shown to everybody."""
_PIECES = 2
"""Everything up to the second piece: some services make tokens without a third."""


class UnsupportedAuthMode(Exception):
    """AUTH_MODE=verify is not supported by this version; set AUTH_MODE=gateway and put a gateway in front."""

    def __str__(self) -> str:
        return self.__doc__ or ""


def check_supported(settings: Settings) -> None:
    """Raise UnsupportedAuthMode rather than trust tokens that were meant to be verified."""
    if settings.AUTH_MODE is not AuthMode.GATEWAY:
        raise UnsupportedAuthMode
    _LOG.warning("tokens are trusted without verification: let only the API gateway reach this port")


class Authentication:
    """ASGI middleware: puts the tenant into `scope["tenant"]`, or answers 401."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._only = _only_tenant(settings.SINGLE_TENANT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or pass the request on."""
        if scope["type"] != "http" or scope["path"] in _OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        try:
            scope["tenant"] = self._only or tenant_of(_authorization(scope))
        except Problem as problem:
            await answer(problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def tenant_of(authorization: str | None) -> Tenant:
    """The tenant that a token speaks for. Raises Problem (401)."""
    if authorization is None:
        raise refusal("No authorization token has been supplied", HTTPStatus.UNAUTHORIZED)
    try:
        claims = _claims(authorization)
    except (ValueError, RecursionError) as error:
        raise _invalid() from error
    name = claims.get("service", _realm(claims))
    if not isinstance(name, str) or not _TENANT.fullmatch(name):
        raise _invalid()
    return Tenant(name)


def _claims(authorization: str) -> dict[str, Any]:
    pieces = authorization.split(".")
    if len(pieces) < _PIECES:
        raise ValueError("a token has pieces with dots between")
    claims = json.loads(_decoded(pieces[1]).decode())
    if not isinstance(claims, dict):
        raise ValueError("the payload of a token is an object")  # noqa: TRY004 - one error for all
    return claims


def _decoded(piece: str) -> bytes:
    """Base64 in either alphabet, with or without padding."""
    bare = piece.translate(_BOTH_ALPHABETS).rstrip("=")
    return b64decode(bare + "=" * (-len(bare) % 4), validate=True)


def _realm(claims: dict[str, Any]) -> str | None:
    """Keycloak's tokens name the tenant as the last segment of the issuer's path."""
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or "://" not in issuer:
        return None
    return urlsplit(issuer).path.rstrip("/").rpartition("/")[2]


def _invalid() -> Problem:
    return refusal("Invalid authentication token", HTTPStatus.UNAUTHORIZED)


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value, "latin-1")
    return None


def _only_tenant(setting: str) -> Tenant | None:
    """The tenant of an installation without tenancy; a plain `true` means `admin`."""
    if not setting:
        return None
    return Tenant("admin" if setting.lower() == "true" else setting)
