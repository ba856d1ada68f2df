"""Verifies tokens (AUTH_MODE=verify): signature, algorithm, exp, nbf, iss, aud.

The way a token is signed never decides which key it is checked with: the secret serves HS256 and nothing
else, keys of a set serve the algorithms of their own kind and no HMAC. What a token says about where its
key lies (`jwk`, `jku`, `x5u`) is not read.
"""

import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import jwt
import structlog
from jwt.exceptions import ExpiredSignatureError, ImmatureSignatureError, InvalidSignatureError, PyJWTError
from jwt.types import Options
from jwt.warnings import InsecureKeyLengthWarning

from device_registry.domain.model import Tenant
from device_registry.settings import Settings

from .keysets import KeySets
from .tokens import Caller, Fault, Invalid, claims_of, only_tenant, tenant_of, user_of

_LOG = structlog.get_logger(__name__)

_HMAC: Final = "HS256"
_SHORT_SECRET: Final = 32
"""Bytes: a shorter one can be guessed from a token (RFC 7518, 3.2)."""
_FORM: Final = re.compile(r"(?:[Bb]earer +)?([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")
"""A signed token, bare or after the word Bearer."""


class Verifying:
    """Accepts what our secret or our key sets have signed. Raises UnusableSettings when there is neither."""

    def __init__(self, settings: Settings, keys: KeySets | None = None) -> None:
        if not (settings.JWT_SECRET.get_secret_value() or settings.JWT_JWKS_URL):
            raise UnusableSettings
        self._secret = settings.JWT_SECRET.get_secret_value()
        self._keys = keys or KeySets(settings.JWT_JWKS_URL)
        self._issuers = _listed(settings.JWT_ISSUER)
        self._audiences = _listed(settings.JWT_AUDIENCE)
        self._jwt = jwt.PyJWT(_options(self._issuers, self._audiences))
        self._leeway = settings.JWT_LEEWAY_SECONDS
        self._only = only_tenant(settings.SINGLE_TENANT)
        _warn(settings)

    async def caller(self, authorization: str | None) -> Caller:
        """Who asks. Raises Invalid; KeysUnavailable when the keys cannot be had."""
        if authorization is None:
            raise Invalid(Fault.MISSING)
        found = _FORM.fullmatch(authorization)
        if not found:
            raise Invalid(Fault.UNREADABLE)
        # Read before it is verified, because keys and issuer may depend on it; believed only afterwards.
        tenant = self._only or tenant_of(claims_of(found[1]))
        claims = await self._verified(found[1], tenant)
        return Caller(tenant, user_of(claims))

    async def _verified(self, token: str, tenant: Tenant) -> Mapping[str, Any]:
        header = _header(token)
        algorithm = header.get("alg")
        for key in await self._candidates(header, tenant):
            try:
                return self._decoded(token, key, algorithm, tenant)
            except InvalidSignatureError:
                continue
        raise Invalid(Fault.SIGNATURE)

    async def _candidates(self, header: Mapping[str, Any], tenant: Tenant) -> Sequence[Any]:
        """The keys that may have signed it. Raises Invalid for a way of signing that is not accepted."""
        if header.get("alg") == _HMAC and self._secret:
            return [self._secret]
        if header.get("alg") not in KeySets.ALGORITHMS or "crit" in header:
            raise Invalid(Fault.ALGORITHM)
        return await self._keys.of(tenant, str(header["alg"]), header.get("kid"))

    def _decoded(self, token: str, key: Any, algorithm: Any, tenant: Tenant) -> Mapping[str, Any]:
        try:
            return self._jwt.decode(
                token,
                key,
                algorithms=[str(algorithm)],
                issuer=[one.replace("{tenant}", tenant) for one in self._issuers] or None,
                audience=self._audiences or None,
                leeway=self._leeway,
            )
        except InvalidSignatureError:
            raise
        except (ExpiredSignatureError, ImmatureSignatureError) as error:
            raise Invalid(Fault.EXPIRED) from error
        except (PyJWTError, ValueError, TypeError) as error:
            raise Invalid(Fault.CLAIMS) from error


class UnusableSettings(Exception):
    """AUTH_MODE=verify needs JWT_SECRET (HS256) or JWT_JWKS_URL (public keys), or both."""

    def __str__(self) -> str:
        return self.__doc__ or ""


def _header(token: str) -> Mapping[str, Any]:
    try:
        return jwt.get_unverified_header(token)
    except (PyJWTError, ValueError, RecursionError) as error:
        raise Invalid(Fault.UNREADABLE) from error


def _options(issuers: Collection[str], audiences: Collection[str]) -> Options:
    required = ["exp", *(["iss"] if issuers else []), *(["aud"] if audiences else [])]
    return {"require": required, "verify_aud": bool(audiences), "verify_sub": False, "verify_jti": False}


def _listed(setting: str) -> list[str]:
    return [one.strip() for one in setting.split(",") if one.strip()]


def _warn(settings: Settings) -> None:
    secret = settings.JWT_SECRET.get_secret_value()
    if secret and len(secret.encode()) < _SHORT_SECRET:
        # Ours is a log line, once; the library would warn at each token.
        warnings.filterwarnings("ignore", category=InsecureKeyLengthWarning)
        _LOG.warning("JWT_SECRET is short enough to be guessed from a token", bytes_at_least=_SHORT_SECRET)
    if settings.JWT_JWKS_URL.startswith("http://"):
        _LOG.warning("JWT_JWKS_URL is not encrypted: who sits between may name keys")
    if not settings.JWT_ISSUER:
        _LOG.warning("tokens of any issuer are accepted, if one of our keys has signed them: set JWT_ISSUER")
