"""The work queue: one entry per resource, whatever number of events it had.

The intake adds keys, the workers take them. A key is ready, waiting (its pause after a failure is not
over) or running, and a key that is added while it runs becomes ready again afterwards: none is lost and
none runs twice at a time.
"""

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from itertools import count
from typing import NamedTuple

from device_registry.domain.model import Key, Kind

from .needs import AnyResource, Mark, mark

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0


class Priority(IntEnum):
    """Which keys go first."""

    LIVE = 0
    """Somebody changed something and may be waiting for it."""
    SWEEP = 1
    """Upkeep that nobody waits for."""


class Work(NamedTuple):
    """A key to work on, with the object if it is at hand; None means that it must be fetched."""

    key: Key
    resource: AnyResource | None


@dataclass(slots=True)
class _Entry:
    """A key that is ready or waiting, or that came again while it runs."""

    resource: AnyResource | None
    priority: Priority
    since: float
    """When it was added, on the queue's clock; repeats do not make it younger."""
    wished: bool = False
    """Somebody wants it looked at whatever its version: then it is no mere echo."""
    tried: Mark | None = None
    """What the version asked for that failed, while the key waits; None when the worker fetched it."""
    ticket: int = 0
    """The place in the ready or waiting heap that is valid; older places are skipped."""


_Place = tuple[float, int, int, Key]


class WorkQueue:
    """Ready keys by priority and age, templates before devices; failed ones after a growing pause.

    Belongs to one event loop. `clock` gives monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tickets = count(1)
        self._ready: dict[Key, _Entry] = {}
        self._waiting: dict[Key, _Entry] = {}
        self._running: dict[Key, Mark | None] = {}
        self._again: dict[Key, _Entry] = {}
        self._failures: dict[Key, int] = {}
        self._line: list[_Place] = []
        self._pauses: list[_Place] = []
        self._takers: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._idle = asyncio.Event()
        self._taken = clock()

    # --- for those who bring work -------------------------------------------------------------------

    def add(self, key: Key, resource: AnyResource | None = None, priority: Priority = Priority.LIVE) -> None:
        """Have the key looked at; `resource` is its latest version, None a wish to look again anyway."""
        if key in self._running:
            self._again[key] = self._merged(self._again.get(key), resource, priority)
        elif key in self._waiting:
            self._add_waiting(key, resource, priority)
        else:
            self._make_ready(key, self._merged(self._ready.get(key), resource, priority))

    def discard(self, key: Key) -> None:
        """Drop what is known about an object that is gone; a worker that has it in hand will notice."""
        for entries in (self._ready, self._waiting, self._again):
            entries.pop(key, None)
        self._failures.pop(key, None)

    def doubt(self, seconds: float) -> None:
        """Have what was added longer ago fetched anew when its turn comes."""
        for entry in (*self._ready.values(), *self._waiting.values()):
            if self._clock() - entry.since > seconds:
                entry.resource = None

    # --- for workers --------------------------------------------------------------------------------

    async def get(self) -> Work:
        """The next key; waits until there is one. Every key taken must be given back."""
        while (work := self.take()) is None:
            await self._turn()
        return work

    def take(self) -> Work | None:
        """The next key if one is ready now."""
        self.promote()
        while self._line and not self._closed:
            *_, ticket, key = heapq.heappop(self._line)
            if (entry := self._ready.get(key)) and entry.ticket == ticket:
                del self._ready[key]
                self._taken = self._clock()
                self._running[key] = mark(entry.resource) if entry.resource else None
                return Work(key, entry.resource)
        return None

    def looks_at(self, resource: AnyResource) -> None:
        """What was taken is looked at in this version: what comes meanwhile is compared with it."""
        self._running[resource.key] = mark(resource)

    def done(self, key: Key, echo: Callable[[AnyResource], bool] = lambda _: False) -> None:
        """The key is settled. What came meanwhile makes it ready again, unless it was only our own `echo`."""
        del self._running[key]
        self._note_idle()
        self._failures.pop(key, None)
        again = self._again.pop(key, None)
        if again and again.resource and echo(again.resource):
            again.resource = None
            again = again if again.wished else None
        if again:
            self._make_ready(key, again)

    def retry(self, key: Key, longest: float = LONGEST_PAUSE_SECONDS) -> None:
        """The key failed: again after a pause that grows, or at once if something new has been asked for.

        `longest` bounds the pause, in seconds.
        """
        tried = self._running.pop(key)
        self._note_idle()
        again = self._again.pop(key, None) or _Entry(None, Priority.LIVE, self._clock())
        edited = again.resource is not None and mark(again.resource) != tried
        if edited:
            self._failures.pop(key, None)
        if edited or again.wished:
            self._make_ready(key, again)
        else:
            again.tried = tried
            self._pause(key, again, longest)

    def anew(self, key: Key, longest: float) -> None:
        """The version at hand was old: again with the newest one, at once, but after pauses from then on.

        What asks for something new is no repetition.
        """
        tried = self._running.pop(key)
        self._note_idle()
        again = self._merged(self._again.pop(key, None), None, Priority.LIVE)
        if again.resource and mark(again.resource) != tried:
            self._failures.pop(key, None)
        again.resource, again.tried = None, tried
        if key in self._failures:
            self._pause(key, again, longest)
        else:
            self._failures[key] = 1
            self._make_ready(key, again)

    def close(self) -> None:
        """Give out nothing more; what is in hand may still be given back."""
        self._closed = True
        if self._timer:
            self._timer.cancel()
        self._note_idle()

    def abandon(self) -> None:
        """Close, and wait for nothing: what is in hand does not matter any more."""
        self.close()
        self._idle.set()

    async def drained(self) -> None:
        """Wait until everything is given back. Only a closed queue is sure to get there."""
        await self._idle.wait()

    # --- what is going on ---------------------------------------------------------------------------

    @property
    def depth(self) -> int:
        """Keys that are ready and not in hand."""
        return len(self._ready)

    @property
    def in_hand(self) -> int:
        """Keys that workers have taken."""
        return len(self._running)

    @property
    def retrying(self) -> int:
        """Keys whose pause after a failure is not over."""
        return len(self._waiting)

    @property
    def oldest_age(self) -> float:
        """Seconds that the oldest ready key has been waiting for a worker; 0 if none."""
        oldest = min((entry.since for entry in self._ready.values()), default=None)
        return 0.0 if oldest is None else max(0.0, self._clock() - oldest)

    @property
    def stalled_for(self) -> float:
        """Seconds that keys have been ready without any being taken; 0 while none is ready."""
        return min(self.oldest_age, self._clock() - self._taken)

    def promote(self) -> None:
        """Make the keys ready whose pause is over."""
        while self._pauses and self._pauses[0][0] <= self._clock():
            *_, ticket, key = heapq.heappop(self._pauses)
            if (entry := self._waiting.get(key)) and entry.ticket == ticket:
                del self._waiting[key]
                entry.since = self._clock()
                self._make_ready(key, entry)
        self._set_timer()

    # --- inside -------------------------------------------------------------------------------------

    def _merged(self, known: _Entry | None, resource: AnyResource | None, priority: Priority) -> _Entry:
        if known is None:
            return _Entry(resource, priority, self._clock(), wished=resource is None)
        known.wished |= resource is None
        known.resource = resource or known.resource
        known.priority = min(known.priority, priority)
        return known

    def _add_waiting(self, key: Key, resource: AnyResource | None, priority: Priority) -> None:
        entry = self._waiting[key]
        if resource and mark(resource) == entry.tried:
            entry.resource = resource
            return
        del self._waiting[key]
        self._failures.pop(key, None)
        entry.since = self._clock()
        self._make_ready(key, self._merged(entry, resource, priority))

    def _make_ready(self, key: Key, entry: _Entry) -> None:
        entry.ticket = next(self._tickets)
        self._ready[key] = entry
        rank = 0 if key.kind is Kind.TEMPLATE else 1
        heapq.heappush(self._line, (float(entry.priority), rank, entry.ticket, key))
        self._wake_one()

    def _pause(self, key: Key, entry: _Entry, longest: float) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        pause = min(longest, FIRST_PAUSE_SECONDS * 2 ** min(failures, 16))
        due = self._clock() + random.uniform(pause / 2, pause)  # noqa: S311 - spreads load, keeps no secret
        entry.ticket = next(self._tickets)
        self._waiting[key] = entry
        heapq.heappush(self._pauses, (due, 0, entry.ticket, key))
        self._set_timer()

    async def _turn(self) -> None:
        taker = asyncio.get_running_loop().create_future()
        self._takers.append(taker)
        self._set_timer()
        await taker

    def _wake_one(self) -> None:
        while self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(None)
                return

    def _note_idle(self) -> None:
        if self._closed and not self._running:
            self._idle.set()

    def _set_timer(self) -> None:
        """Wake up when the next pause is over, if anybody is waiting for work."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._takers and self._pauses and not self._closed:
            pause = max(0.0, self._pauses[0][0] - self._clock())
            self._timer = asyncio.get_running_loop().call_later(pause, self.promote)
