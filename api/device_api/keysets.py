"""Public keys from where JWT_JWKS_URL says: fetched when needed, kept, looked at again when keys rotate.

A set is fetched anew every five minutes while it is used, and at once when a token names a key that is not
in it, though not more often than every ten seconds. While its source does not answer, the keys that are
known go on for an hour; then nothing can be verified (503) until it answers.
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import jwt
import structlog
from jwt.exceptions import PyJWTError

from device_registry.backoff import Backoff
from device_registry.domain.errors import Unavailable
from device_registry.domain.model import Tenant
from device_registry.domain.reasons import Reason

from . import metrics

_LOG = structlog.get_logger(__name__)

_FRESH_SECONDS: Final = 300.0
_PAUSE_SECONDS: Final = 10.0
_KEPT_SECONDS: Final = 3600.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
"""A request waits for it."""
_MOST_BYTES: Final = 256 * 1024
_MOST_SETS: Final = 1000
"""Realms of tenants; of more the ones that were not used for longest are forgotten."""
_MOST_FETCHES: Final = 4
"""At once: tokens of strangers must not make us a burden for the source."""

_FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
_CURVES: Final[Mapping[str, str]] = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class KeysUnavailable(Unavailable):
    """The keys that tokens are verified with cannot be fetched."""

    reason = Reason.KEYS_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class _Key:
    """A public key of a set."""

    id: str | None
    algorithms: tuple[str, ...]
    material: Any


@dataclass(slots=True)
class _KeySet:
    """What one URL answered last."""

    keys: tuple[_Key, ...] = ()
    fetched: float = float("-inf")
    next_try: float = float("-inf")
    failing: bool = False
    backoff: Backoff = field(default_factory=lambda: Backoff(first=1, longest=60))
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    refreshing: asyncio.Task[None] | None = None


class KeySets:
    """The keys by tenant. `url` may hold `{tenant}`; empty: there are none."""

    ALGORITHMS: Final = frozenset(one for family in _FAMILIES.values() for one in family)

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._sets: OrderedDict[str, _KeySet] = OrderedDict()
        self._slots = asyncio.Semaphore(_MOST_FETCHES)

    async def of(self, tenant: Tenant, algorithm: str, key_id: object) -> Sequence[Any]:
        """The keys that may have signed a token so: those of that name, or all where it names none.

        Raises KeysUnavailable.
        """
        if not self._url:
            return []
        url = self._url.replace("{tenant}", tenant)
        known = self._known(url)
        await self._refresh(url, known)
        found = _fitting(known, algorithm, key_id)
        if not found and self._clock() >= known.next_try:
            await self._fetch_once(url, known)
            found = _fitting(known, algorithm, key_id)
        if not found and self._clock() - known.fetched > _KEPT_SECONDS:
            raise KeysUnavailable
        return found

    def _known(self, url: str) -> _KeySet:
        known = self._sets.setdefault(url, _KeySet())
        self._sets.move_to_end(url)
        while len(self._sets) > _MOST_SETS:
            self._sets.popitem(last=False)
        return known

    async def _refresh(self, url: str, known: _KeySet) -> None:
        """Have a set that is old: wait for a new one, or fetch it beside while the old one still serves."""
        now = self._clock()
        age = now - known.fetched
        if age <= _FRESH_SECONDS or now < known.next_try:
            if age > _KEPT_SECONDS:
                known.keys = ()
        elif age > _KEPT_SECONDS:
            known.keys = ()
            await self._fetch_once(url, known)
        elif known.refreshing is None or known.refreshing.done():
            known.refreshing = asyncio.create_task(self._fetch_once(url, known))

    async def _fetch_once(self, url: str, known: _KeySet) -> None:
        """Fetch, unless somebody else just has."""
        async with known.lock:
            if self._clock() < known.next_try:
                return
            try:
                async with self._slots:
                    known.keys = _parsed(await _fetched(url))
            except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
                self._failed(url, known, error)
            else:
                self._succeeded(url, known)

    def _failed(self, url: str, known: _KeySet, error: Exception) -> None:
        metrics.KEY_FETCHES.labels("failed").inc()
        if not known.failing:
            _LOG.warning("keys cannot be fetched", url=url, error=str(error) or type(error).__name__)
        known.failing = True
        known.next_try = self._clock() + known.backoff.next()

    def _succeeded(self, url: str, known: _KeySet) -> None:
        metrics.KEY_FETCHES.labels("ok").inc()
        if known.failing:
            _LOG.info("keys can be fetched again", url=url)
        known.failing = False
        known.backoff.reset()
        known.fetched = self._clock()
        known.next_try = known.fetched + _PAUSE_SECONDS


async def _fetched(url: str) -> bytes:
    async with (
        aiohttp.ClientSession(timeout=_TIMEOUT) as session,
        session.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as response,
    ):
        if response.status != 200:  # noqa: PLR2004 - the one status that carries keys
            raise ValueError(f"HTTP {response.status}")
        body = await response.content.read(_MOST_BYTES + 1)
        while len(body) <= _MOST_BYTES and (more := await response.content.read(_MOST_BYTES)):
            body += more
    if len(body) > _MOST_BYTES:
        raise ValueError(f"a key set of more than {_MOST_BYTES} bytes")
    return body


def _parsed(body: bytes) -> tuple[_Key, ...]:
    """The keys of a set that can verify signatures; what is not understood is passed by (RFC 7517, 5)."""
    document = json.loads(body)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("not a JSON Web Key Set")  # noqa: TRY004 - an error of the source, not of a type
    found = [_key(one) for one in entries if isinstance(one, dict)]
    return tuple(one for one in found if one is not None)


def _key(entry: Mapping[str, Any]) -> _Key | None:
    algorithms = _algorithms(entry)
    if not algorithms or entry.get("use", "sig") != "sig" or "verify" not in entry.get("key_ops", ["verify"]):
        return None
    try:
        material = jwt.PyJWK(dict(entry), algorithm=algorithms[0]).key
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    return _Key(entry.get("kid"), algorithms, material)


def _algorithms(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """What a key may be used for: what it says itself, within what its kind can do; secrets are not keys."""
    family = _FAMILIES.get(str(entry.get("kty")), ())
    if entry.get("kty") == "EC":
        family = tuple(one for one in family if one == _CURVES.get(str(entry.get("crv"))))
    named = entry.get("alg")
    return family if named is None else tuple(one for one in family if one == named)


def _fitting(known: _KeySet, algorithm: str, key_id: object) -> list[Any]:
    fitting = [one for one in known.keys if algorithm in one.algorithms]
    return [one.material for one in fitting if key_id is None or one.id == key_id]
