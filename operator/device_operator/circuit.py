"""Whether Postgres answers: one state and one growing pause for the whole operator.

Workers and propagation report failures here and wait here; readiness reads it. A thousand resources that
meet the same outage make one log line, not a thousand.
"""

import asyncio
from collections.abc import Callable

import structlog

from device_registry.backoff import Backoff
from device_registry.domain.errors import RegistryUnavailable

from . import metrics

log = structlog.get_logger()

CHECK_SECONDS = 5.0
"""How often to look at the latest, so that neither readiness nor a recovery is seen later."""


class Circuit:
    """Closed while the registry answers. `probe` raises RegistryUnavailable when it does not."""

    def __init__(self, probe: Callable[[], None], check_seconds: float = CHECK_SECONDS) -> None:
        self._probe = probe
        self._check_seconds = check_seconds
        self._closed = asyncio.Event()
        self._closed.set()
        self._opened = asyncio.Event()
        metrics.REGISTRY_AVAILABLE.set(1)

    @property
    def available(self) -> bool:
        """Whether the registry answered when it was last asked."""
        return self._closed.is_set()

    def open(self, error: RegistryUnavailable) -> None:
        """It does not answer: everybody waits from now on."""
        if self.available:
            log.warning(
                "the registry is away, work waits for it", reason=error.reason.value, error=error.message
            )
        self._closed.clear()
        self._opened.set()
        metrics.REGISTRY_AVAILABLE.set(0)

    async def closed(self, seconds: float | None = None) -> bool:
        """Wait until it answers, at most that long; answers whether it does."""
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Look again and again until cancelled: now and then while closed, with growing pauses while open."""
        backoff = Backoff(longest=self._check_seconds)
        while True:
            await self._look()
            if self.available:
                backoff.reset()
                await self._rest()
            else:
                await asyncio.sleep(backoff.next())

    async def _look(self) -> None:
        try:
            await asyncio.to_thread(self._probe)
        except RegistryUnavailable as error:
            self.open(error)
        else:
            self._close()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._check_seconds):
                await self._opened.wait()
        except TimeoutError:
            return

    def _close(self) -> None:
        if not self.available:
            log.info("the registry is back, work goes on")
        self._opened.clear()
        self._closed.set()
        metrics.REGISTRY_AVAILABLE.set(1)
