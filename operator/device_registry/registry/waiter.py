"""Lets the facade wait until the operator has decided about a resource (read your writes).

One connection listens on the channel `outcome`; each notification, and each second without one, causes a
single query for all that wait.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import psycopg
import structlog

from device_registry.domain.errors import OperatorUnavailable, RegistryError, RegistryUnavailable
from device_registry.domain.model import Key, Tenant
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason

from .reader import RegistryReader

_LOG = structlog.get_logger(__name__)

_POLL_SECONDS = 1.0
"""A notification may be lost with its connection; a second is what a person barely notices."""
_RETRY_SECONDS = 1.0
"""Pause after Postgres went away: soon enough to be back before the requests give up."""

_HELD_UP = frozenset({Reason.IN_USE, Reason.DELETION_HELD})
"""Why a deletion may not go on by itself soon."""


@dataclass(eq=False, slots=True)
class _Wait:
    """One caller: which resource, when it is content, and where the answer goes."""

    tenant: Tenant
    key: Key
    content: Callable[[Outcome | None], bool]
    answer: asyncio.Future[Outcome | None]


class OutcomeWaiter:
    """Waits for outcomes, at most `seconds` each. An asynchronous context manager."""

    def __init__(self, reader: RegistryReader, seconds: float) -> None:
        self._reader = reader
        self._seconds = seconds
        self._asked = float("-inf")
        self._ready = asyncio.Event()
        self._waits: set[_Wait] = set()
        self._wake = asyncio.Event()
        self._heard = asyncio.Event()
        self._away = "Postgres was not asked yet"
        self._told = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._wake.set()
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._answer())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def available(self) -> bool:
        """Whether Postgres answered when it was last asked, a second ago at the most."""
        return not self._away

    @property
    def at_work(self) -> bool:
        """Whether an operator was at work when Postgres was last asked."""
        return self._ready.is_set()

    async def ready(self) -> None:
        """Return as soon as Postgres answers and an operator is at work, at once in the ordinary case.

        Raises RegistryUnavailable or OperatorUnavailable when that does not come about in time.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), self._seconds)
        if self._away:
            raise RegistryUnavailable(self._away)
        if not self._ready.is_set():
            raise OperatorUnavailable

    async def wait(self, tenant: Tenant, key: Key, uid: str, generation: int) -> Outcome:
        """The outcome of that generation of the resource, or of a later one.

        Raises TimeoutError when it does not come in time.
        """
        outcome = await self._wait(
            tenant,
            key,
            lambda seen: seen is not None and seen.uid == uid and seen.generation >= generation,
        )
        assert outcome is not None
        return outcome

    async def wait_changed(self, tenant: Tenant, key: Key, uid: str, generation: int) -> Outcome | None:
        """As `wait`, of a resource that was registered before; None when the registry knows it no more.

        Raises TimeoutError when neither comes in time.
        """
        outcome = await self._wait(
            tenant, key, lambda seen: seen is None or seen.uid != uid or seen.generation >= generation
        )
        return outcome if outcome and outcome.uid == uid else None

    async def wait_gone(self, tenant: Tenant, key: Key, uid: str, *, patient: bool = False) -> Outcome | None:
        """None as soon as the resource is gone from the registry; the outcome when its deletion is held up.

        `patient` waits even if the deletion budget holds it: somebody has just lifted it.

        Raises TimeoutError when neither comes in time.
        """
        final = _HELD_UP - {Reason.DELETION_HELD} if patient else _HELD_UP
        outcome = await self._wait(
            tenant, key, lambda seen: seen is None or seen.uid != uid or seen.reason in final
        )
        return outcome if outcome and outcome.uid == uid else None

    async def wait_until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Return when it holds; it is asked at once and whenever the registry tells of something.

        Raises TimeoutError when it does not in time, RegistryUnavailable as `holds` does.
        """
        async with asyncio.timeout(self._seconds):
            heard = self._heard
            while not await holds():
                with suppress(TimeoutError):
                    await asyncio.wait_for(heard.wait(), _POLL_SECONDS)
                heard = self._heard

    async def _wait(
        self, tenant: Tenant, key: Key, content: Callable[[Outcome | None], bool]
    ) -> Outcome | None:
        waiting = _Wait(tenant, key, content, asyncio.get_running_loop().create_future())
        self._waits.add(waiting)
        # What is waited for may have happened before anybody listened for it.
        self._wake.set()
        try:
            return await asyncio.wait_for(waiting.answer, self._seconds)
        finally:
            self._waits.discard(waiting)

    async def _answer(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)
            self._wake.clear()
            try:
                await self._look()
            except RegistryError as error:
                self._went_away(error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _look(self) -> None:
        waits = list(self._waits)
        if waits:
            seen = await self._reader.outcomes({one.tenant for one in waits}, {one.key for one in waits})
            for one in waits:
                outcome = seen.get(one.key)
                if not one.answer.done() and one.content(outcome):
                    one.answer.set_result(outcome)
        await self._look_for_operator()

    async def _look_for_operator(self) -> None:
        """Now and then: whether anybody is there to register what is written."""
        if self._away or time.monotonic() - self._asked >= _POLL_SECONDS:
            self._note(await self._reader.operator_at_work())
            self._asked = time.monotonic()
            self._came_back()

    def _note(self, at_work: bool) -> None:  # noqa: FBT001 - a fact, not a switch
        if at_work == self._ready.is_set():
            return
        if at_work:
            _LOG.info("an operator is at work")
            self._ready.set()
        else:
            _LOG.warning("no operator is at work, writes are answered 503")
            self._ready.clear()

    async def _listen(self) -> None:
        while True:
            try:
                async with await self._reader.connect() as connection:
                    await connection.execute("LISTEN outcome")
                    async for _ in connection.notifies():
                        self._wake.set()
                        self._heard.set()
                        self._heard = asyncio.Event()
            except psycopg.Error as error:
                self._went_away(error)
            await asyncio.sleep(_RETRY_SECONDS)

    def _came_back(self) -> None:
        if self._told:
            _LOG.info("the registry is back")
        self._away, self._told = "", False

    def _went_away(self, error: Exception) -> None:
        if not self._away:
            reason = Reason.REGISTRY_UNAVAILABLE.value
            _LOG.warning("the registry went away", reason=reason, error=str(error))
            self._told = True
        self._away = str(error)
        self._ready.clear()
