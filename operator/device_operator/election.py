"""Which of several operators leads: a Lease of Kubernetes, taken, renewed and given back.

`lifecycle` holds an election. The Lease decides who works; it cannot keep a leader that was asleep from
waking up and writing. That is what the epoch in the registry is for, which every transaction is checked
against.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from device_registry.domain.errors import Conflict, NotFound, RegistryError
from device_registry.settings import Settings

from . import metrics

log = structlog.get_logger()

JITTER = 0.2
"""Attempts vary by that part, so that candidates do not march in step."""
RELEASE_SECONDS = 2.0
"""How long giving the Lease back may take: without it, the others only wait for its end."""
_GOES_ON = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""The clock that goes on while the machine sleeps: Linux has one; its monotonic clock stands still then."""


def _seconds() -> float:
    return time.clock_gettime(_GOES_ON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The Lease and its times, in seconds."""

    namespace: str
    name: str
    duration: float
    """How long a Lease is good for after it was renewed: until then nobody else takes it."""
    deadline: float
    """How long a leader tries to renew before it stops working; shorter than the duration."""
    retry: float
    """Between two attempts to take or to renew it."""


class Leases(Protocol):
    """Leases of coordination.k8s.io, for an election; errors as of the port Cluster."""

    async def lease(self, namespace: str, name: str) -> dict[str, Any]:
        """The Lease as it is now."""

    async def create_lease(self, namespace: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Create a Lease; Conflict when somebody was faster."""

    async def replace_lease(self, lease: Mapping[str, Any]) -> dict[str, Any]:
        """Replace a Lease if it is still at its version; Conflict when it is not."""


def terms_of(settings: Settings) -> Terms:
    """The terms that an administrator has set."""
    return Terms(
        namespace=settings.lease_namespace,
        name=settings.LEASE_NAME,
        duration=settings.LEASE_DURATION_SECONDS,
        deadline=settings.LEASE_RENEW_DEADLINE_SECONDS,
        retry=settings.LEASE_RETRY_SECONDS,
    )


class Election(Protocol):
    """Whether this process may work."""

    @property
    def leads(self) -> bool:
        """Whether nobody else can have taken over; asked right before each effect on the outside world."""

    async def win(self) -> None:
        """Wait until this process leads."""

    async def keep(self) -> None:
        """Go on leading; returns when that is over."""

    async def release(self) -> None:
        """Let somebody else lead at once."""


class Alone:
    """No election: the one operator leads, and the last one that starts if there are several."""

    leads = True

    async def win(self) -> None:
        """At once."""

    async def keep(self) -> None:
        """For ever."""
        await asyncio.Event().wait()

    async def release(self) -> None:
        """Nobody waits for it."""


class LeaseElection:
    """See the module.

    The clocks of others are not trusted: a Lease has ended when it was seen unchanged for its duration.
    """

    def __init__(
        self,
        leases: Leases,
        terms: Terms,
        holder: str,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = _seconds,
    ) -> None:
        self._leases = leases
        self._terms = terms
        self._holder = holder
        self._clock = clock
        self._monotonic = monotonic
        self._lease: dict[str, Any] = {}
        self._renewed = float("-inf")
        self._seen: tuple[Any, ...] = ()
        self._seen_at = 0.0
        self._told = ""

    @property
    def leads(self) -> bool:
        """Whether the Lease is ours and cannot have ended, also for a process that has just woken up."""
        return self._monotonic() < self._renewed + self._terms.duration

    async def win(self) -> None:
        """Try until the Lease is ours."""
        while not await self._try(self._take):
            await self._pause()
        self._told = ""

    async def keep(self) -> None:
        """Renew it until it is lost: somebody else has it, or it could not be renewed in time."""
        while self._monotonic() < self._renewed + self._terms.deadline:
            await self._pause()
            if await self._try(self._renew):
                self._told = ""
            elif not self._is_ours():
                break
        self._renewed = float("-inf")

    async def release(self) -> None:
        """Give it back if it is ours; what goes wrong only costs the others time."""
        if not self.leads:
            return
        self._renewed = float("-inf")
        nobody = {"holderIdentity": "", "leaseDurationSeconds": 1}
        released = self._renewed_spec(_spec(self._lease)) | nobody
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._leases.replace_lease({**self._lease, "spec": released})
        except (RegistryError, TimeoutError) as error:
            log.warning("the lease could not be given back, it ends by itself", error=str(error))
        else:
            log.info("the lease is given back", lease=self._terms.name)

    # --- one attempt ----------------------------------------------------------------------------------

    async def _try(self, attempt: Callable[[], Any]) -> bool:
        """Whether the attempt succeeded; errors are told once."""
        began = self._monotonic()
        try:
            async with asyncio.timeout(self._terms.deadline / 2):
                done = bool(await attempt())
        except (RegistryError, TimeoutError) as error:
            self._tell(str(error) or "no answer in time")
            return False
        if done:
            # The request may have waited: what counts is when it was made.
            self._renewed = began
        return done

    async def _take(self) -> bool:
        try:
            found = await self._leases.lease(self._terms.namespace, self._terms.name)
        except NotFound:
            return await self._create()
        if not self._is_free(found):
            return False
        return await self._replace(found, taking=_spec(found).get("holderIdentity") != self._holder)

    async def _renew(self) -> bool:
        if await self._replace(self._lease):
            return True
        # Somebody changed it, perhaps only its labels: if it is still ours the next attempt will succeed.
        self._lease = await self._leases.lease(self._terms.namespace, self._terms.name)
        return self._is_ours() and await self._replace(self._lease)

    async def _create(self) -> bool:
        try:
            spec = self._renewed_spec({"leaseTransitions": -1}, taking=True)
            self._lease = await self._leases.create_lease(self._terms.namespace, self._terms.name, spec)
        except Conflict:
            return False
        return True

    async def _replace(self, lease: Mapping[str, Any], *, taking: bool = False) -> bool:
        try:
            changed = {**lease, "spec": self._renewed_spec(_spec(lease), taking=taking)}
            self._lease = await self._leases.replace_lease(changed)
        except Conflict:
            return False
        return True

    def _renewed_spec(self, former: Mapping[str, Any], *, taking: bool = False) -> dict[str, Any]:
        now = self._clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {
            **former,
            "holderIdentity": self._holder,
            "leaseDurationSeconds": max(1, round(self._terms.duration)),
            "renewTime": now,
        }
        if taking:
            spec |= {"acquireTime": now, "leaseTransitions": (former.get("leaseTransitions") or 0) + 1}
        return spec

    # --- whose it is ----------------------------------------------------------------------------------

    def _is_ours(self) -> bool:
        return bool(_spec(self._lease).get("holderIdentity") == self._holder)

    def _is_free(self, lease: Mapping[str, Any]) -> bool:
        """Nobody's, ours from an earlier life (of the same pod and process), or not renewed for too long."""
        spec = _spec(lease)
        holder = spec.get("holderIdentity")
        if not holder or holder == self._holder:
            return True
        seen = (holder, spec.get("renewTime"), spec.get("acquireTime"))
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._monotonic()
            self._tell_holder(holder)
        return self._monotonic() >= self._seen_at + (spec.get("leaseDurationSeconds") or 0)

    def _tell_holder(self, holder: str) -> None:
        if self._told != holder:
            log.info("standing by", leader=holder, lease=self._terms.name)
        self._told = holder

    def _tell(self, trouble: str) -> None:
        metrics.LEASE_FAILURES.inc()
        if self._told != trouble:
            log.warning("the lease cannot be taken or renewed, will try again", error=trouble)
        self._told = trouble

    async def _pause(self) -> None:
        await asyncio.sleep(self._terms.retry * random.uniform(1 - JITTER, 1))  # noqa: S311 - spreads load


def _spec(lease: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a Lease says; one that somebody made by hand may say nothing."""
    return lease.get("spec") or {}
