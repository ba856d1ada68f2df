"""Who asks: the tenant and the user of a request, from its token (contract: tenancy and JWT).

The middleware asks before anything else, unknown paths included. With AUTH_MODE=gateway the token is
trusted as the original trusts it: the middle part is read, and nothing is verified. With AUTH_MODE=verify
it is verified first (`verification`).
"""

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from device_registry.domain.errors import Unavailable
from device_registry.domain.model import Tenant

from . import asking, metrics
from .admission import admit
from .problems import Problem, answer, refusal

_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_BOTH_ALPHABETS: Final = str.maketrans("-_", "+/")
_OPEN_PATHS: Final = frozenset({"/docs", "/openapi.json"})
"""What tells nothing about any tenant is shown to everybody."""
_PIECES: Final = 2
"""Everything up to the second piece: some services make tokens without a third."""
_USER_CLAIMS: Final = ("username", "preferred_username", "sub")
"""Where tokens name the user: dojot's, Keycloak's, everybody's."""
_MOST_USER: Final = 128


class Fault(StrEnum):
    """What is wrong with a token, for the metric."""

    MISSING = "Missing"
    UNREADABLE = "Unreadable"
    """It has no form that this service knows, or names no tenant."""
    ALGORITHM = "Algorithm"
    """It is signed in a way that is not accepted."""
    SIGNATURE = "Signature"
    """No key that is known here has made the signature."""
    EXPIRED = "Expired"
    """Its time is over, or has not come yet."""
    CLAIMS = "Claims"
    """`iss` or `aud` is another one, or a claim that must be there is missing."""


class Invalid(Exception):
    """A token that is not accepted."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class Caller(NamedTuple):
    """Who asks."""

    tenant: Tenant
    user: str = ""


class Judge(Protocol):
    """Decides about a token."""

    async def caller(self, authorization: str | None) -> Caller:
        """Who asks. Raises Invalid, or Unavailable when it cannot be told now."""


class Trusting:
    """The gateway in front has verified the token (AUTH_MODE=gateway). `only` is the only tenant, if set."""

    def __init__(self, only: Tenant | None = None) -> None:
        self._only = only

    async def caller(self, authorization: str | None) -> Caller:
        """Who asks. Raises Invalid; without tenancy a token may say anything, or be left out."""
        try:
            claims = claims_of(authorization)
        except Invalid:
            if self._only is None:
                raise
            claims = {}
        return Caller(self._only or tenant_of(claims), user_of(claims))


class Authentication:
    """ASGI middleware: puts the tenant into `scope["tenant"]`, or answers 401; then `admission` is asked."""

    def __init__(self, app: ASGIApp, judge: Judge) -> None:
        self._app = app
        self._judge = judge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or pass the request on."""
        if scope["type"] != "http" or scope["path"] in _OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._judge.caller(_authorization(scope))
        except (Invalid, Unavailable) as error:
            await answer(_refused(error))(scope, receive, send)
            return
        scope["tenant"] = caller.tenant
        asking.know(caller.tenant, caller.user)
        structlog.contextvars.bind_contextvars(tenant=caller.tenant)
        try:
            admit(scope)
        except Problem as problem:
            await answer(problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def claims_of(authorization: str | None) -> dict[str, Any]:
    """What a token says, unverified: its second piece, in either alphabet, with or without padding.

    Raises Invalid.
    """
    if authorization is None:
        raise Invalid(Fault.MISSING)
    try:
        return _claims(authorization)
    except (ValueError, RecursionError) as error:
        raise Invalid(Fault.UNREADABLE) from error


def tenant_of(claims: Mapping[str, Any]) -> Tenant:
    """The tenant that a token speaks for. Raises Invalid for one that can have no such name."""
    name = claims["service"] if "service" in claims else _realm(claims)
    if not isinstance(name, str) or not _TENANT.fullmatch(name):
        raise Invalid(Fault.UNREADABLE)
    return Tenant(name)


def user_of(claims: Mapping[str, Any]) -> str:
    """The user that a token names, cut to what a header may hold; empty when it names none."""
    named = (claims.get(one) for one in _USER_CLAIMS)
    user = next((one for one in named if isinstance(one, str) and one), "")
    return "".join(letter for letter in user[:_MOST_USER] if letter.isprintable())


def only_tenant(setting: str) -> Tenant | None:
    """The tenant of an installation without tenancy (SINGLE_TENANT); a plain `true` means `admin`."""
    if not setting:
        return None
    return Tenant("admin" if setting.lower() == "true" else setting)


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


def _realm(claims: Mapping[str, Any]) -> str | None:
    """Keycloak's tokens name the tenant as the last segment of the issuer's path. Raises Invalid."""
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or "://" not in issuer:
        return None
    try:
        path = urlsplit(issuer).path
    except ValueError as error:
        raise Invalid(Fault.UNREADABLE) from error
    return path.rstrip("/").rpartition("/")[2]


def _refused(error: Invalid | Unavailable) -> Problem:
    if isinstance(error, Unavailable):
        return refusal(error.message, HTTPStatus.SERVICE_UNAVAILABLE)
    metrics.TOKENS_REFUSED.labels(error.fault).inc()
    if error.fault is Fault.MISSING:
        return refusal("No authorization token has been supplied", HTTPStatus.UNAUTHORIZED)
    return refusal("Invalid authentication token", HTTPStatus.UNAUTHORIZED)


def _authorization(scope: Scope) -> str | None:
    """The header. Raises Invalid for two: a gateway might have verified the other one."""
    values = [str(value, "latin-1") for name, value in scope["headers"] if name == b"authorization"]
    if len(values) > 1 or "," in "".join(values):
        raise Invalid(Fault.UNREADABLE)
    return values[0] if values else None
