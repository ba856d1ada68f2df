"""Whether Postgres, or the API server, answers: one state and one growing pause for the whole operator.

Workers, propagation and sweeps report failures here and wait here; readiness reads it. A thousand resources
that meet the same outage make one log line and one question in a while, not a thousand.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import structlog
from prometheus_client import Gauge

from device_registry.backoff import Backoff
from device_registry.domain.errors import ClusterUnavailable, RegistryUnavailable, Unavailable

from . import metrics

log = structlog.get_logger()

CHECK_SECONDS = 5.0
"""How often to look at the latest, so that neither readiness nor a recovery is seen later."""
WELL_SECONDS = 5.0
"""When all went well for so long, a failure is a new trouble; else requests fail that the probe does not see,
and the pauses go on growing."""
PROBE_SECONDS = 5.0
"""How long an answer may take: what is slower is as good as away."""

Probe = Callable[[], Awaitable[object]]
"""Asks the other side something that costs it nothing; raises Unavailable when it does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The other side of a circuit."""

    gone: str
    back: str
    partly: str
    """What the log says when it goes, when it comes back, and when it answers while requests still fail."""
    gauge: Gauge
    silent: Unavailable
    """What is wrong with it when it does not answer at all."""
    measured: Callable[[], AbstractContextManager[object]] = nullcontext
    """Measures how long an answer takes."""


REGISTRY = Side(
    gone="the registry is away, work waits for it",
    back="the registry is back, work goes on",
    partly="the registry answers, but work fails again and again",
    gauge=metrics.REGISTRY_AVAILABLE,
    silent=RegistryUnavailable(f"Postgres does not answer within {PROBE_SECONDS:.0f} s"),
    measured=metrics.REGISTRY_SECONDS.time,
)
API_SERVER = Side(
    gone="the API server is away, work waits for it",
    back="the API server is back, work goes on",
    partly="the API server answers, but requests fail again and again",
    gauge=metrics.CLUSTER_AVAILABLE,
    silent=ClusterUnavailable(f"the Kubernetes API server does not answer within {PROBE_SECONDS:.0f} s"),
)


class Circuit:
    """Closed while the other side answers.

    A single failure opens it, so that nobody hurries into the next one; only when the probe fails as well it
    is an outage and told.
    """

    def __init__(self, probe: Probe, side: Side, check_seconds: float = CHECK_SECONDS) -> None:
        self._probe = probe
        self._side = side
        self._check_seconds = check_seconds
        self._closed = asyncio.Event()
        self._closed.set()
        self._opened = asyncio.Event()
        self._outages = 0
        self._told = False
        self._failure: Unavailable | None = None
        self._told_partly = False
        self._well_since = float("-inf")
        self._not_before = 0.0
        side.gauge.set(1)

    @property
    def available(self) -> bool:
        """Whether the other side answered when it was last asked."""
        return self._closed.is_set()

    def open(self, error: Unavailable) -> None:
        """A request failed: everybody waits until the other side has answered, or longer if it says so."""
        self._failure = error
        self._not_before = max(self._not_before, time.monotonic() + error.retry_after)
        self._closed.clear()
        self._opened.set()

    async def closed(self, seconds: float | None = None) -> bool:
        """Wait until it answers, at most that long; answers whether it does."""
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return False
        return True

    async def outlasted(self, error: Unavailable) -> bool:
        """Report a failure and wait until the other side answers; answers whether it really was away.

        If it was not, the trouble belongs to the request that failed.
        """
        outages = self._outages
        self.open(error)
        await self._closed.wait()
        return self._outages > outages

    async def run(self) -> None:
        """Look again and again until cancelled: now and then, and with growing pauses while open."""
        backoff = Backoff(min(0.5, self._check_seconds), self._check_seconds)
        while True:
            await self._look()
            if self.available and not await self._failed():
                continue
            pause = backoff.next() if self._is_troubled() else 0.0
            if not pause:
                backoff.reset()
            await asyncio.sleep(max(pause, self._not_before - time.monotonic()))

    def _is_troubled(self) -> bool:
        """Whether it is away, or works so badly that the next failure comes soon after each answer."""
        if self._told:
            return True
        well = time.monotonic() - self._well_since > WELL_SECONDS
        if not (well or self._told_partly) and self._failure:
            log.warning(self._side.partly, reason=self._failure.reason.value, error=self._failure.message)
        self._told_partly = not well
        return not well

    async def _look(self) -> None:
        try:
            with self._side.measured():
                async with asyncio.timeout(PROBE_SECONDS):
                    await self._probe()
        except Unavailable as error:
            self._away(error)
        except TimeoutError:
            self._away(self._side.silent)
        else:
            # Somebody may have been told, while we asked, to leave it alone.
            if time.monotonic() >= self._not_before:
                self._close()

    async def _failed(self) -> bool:
        """Wait for a failure, but not longer than until the next look; answers whether there was one."""
        try:
            async with asyncio.timeout(self._check_seconds):
                await self._opened.wait()
        except TimeoutError:
            return False
        return True

    def _away(self, error: Unavailable) -> None:
        if not self._told:
            log.warning(self._side.gone, reason=error.reason.value, error=error.message)
        self._told = True
        self._outages += 1
        self._side.gauge.set(0)
        self.open(error)

    def _close(self) -> None:
        if self._told:
            log.info(self._side.back)
        self._told = False
        self._side.gauge.set(1)
        if not self.available:
            self._well_since = time.monotonic()
        self._opened.clear()
        self._closed.set()


def in_thread(ask: Callable[[], object]) -> Probe:
    """A question that blocks as a probe: asked in a thread, and not again while it has not been answered."""
    asking: list[asyncio.Future[object]] = []

    async def probe() -> object:
        if not asking or asking[0].done():
            asking[:] = [asyncio.get_running_loop().run_in_executor(None, ask)]
        return await asyncio.shield(asking[0])

    return probe
