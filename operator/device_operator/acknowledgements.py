"""Who waits for which event to reach Kafka. Workers wait here, the relay's thread reports here."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from device_registry.domain.events import Recorded
from device_registry.domain.model import Key, Tenant

REMEMBERED = 20_000
"""Streams whose last acknowledgement is remembered: more than can be in hand, so none slips through between
the commit and the wait; one that is forgotten is asked from the registry instead."""


class Position(NamedTuple):
    """A place in the stream of one subject."""

    tenant: Tenant
    subject: str
    sequence: int

    @property
    def stream(self) -> tuple[Tenant, str]:
        """Whose stream it is."""
        return (self.tenant, self.subject)


class Acknowledgements:
    """Futures by position, and keys to wake when an acknowledgement comes late.

    Belongs to one event loop; only the relay's calls may come from another thread. `wake` has a key looked at
    again, because what its status says about its event is no longer true.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[Key], None]) -> None:
        self._loop = loop
        self._wake = wake
        self._awaited: dict[tuple[Tenant, str], list[tuple[int, asyncio.Future[None]]]] = {}
        self._late: dict[tuple[Tenant, str], tuple[int, Key]] = {}
        self._sent: OrderedDict[tuple[Tenant, str], int] = OrderedDict()

    def on_sent(self, events: Sequence[Recorded]) -> None:
        """The relay's callback, from its thread: Kafka has acknowledged these events."""
        positions = [Position(one.event.tenant, one.event.subject, one.sequence) for one in events]
        self._loop.call_soon_threadsafe(self._resolve, positions)

    def on_quarantined(self, events: Sequence[Recorded]) -> None:
        """The relay's callback, from its thread: these events were put aside; nobody need wait for them."""
        positions = [Position(one.event.tenant, one.event.subject, one.sequence) for one in events]
        self._loop.call_soon_threadsafe(self._give_up, positions)

    def has(self, position: Position) -> bool:
        """Whether the event is known to have been acknowledged; False may mean that nobody remembers."""
        return self._sent.get(position.stream, 0) >= position.sequence

    async def wait(self, position: Position, seconds: float) -> bool:
        """Wait for the acknowledgement, at most that long; answers whether it came."""
        if self.has(position):
            return True
        future = self._loop.create_future()
        self._awaited.setdefault(position.stream, []).append((position.sequence, future))
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            return False
        finally:
            self._forget(position.stream, future)
        return True

    def wake_later(self, position: Position, key: Key) -> None:
        """Have the key looked at when the acknowledgement comes; at once if it has come."""
        if self.has(position):
            self._wake(key)
        else:
            self._late[position.stream] = (position.sequence, key)

    def _resolve(self, positions: Sequence[Position]) -> None:
        for position in positions:
            self._remember(position)
            for sequence, future in self._awaited.get(position.stream, ()):
                if sequence <= position.sequence and not future.done():
                    future.set_result(None)
            self._wake_late(position)

    def _give_up(self, positions: Sequence[Position]) -> None:
        for position in positions:
            self._wake_late(position)

    def _remember(self, position: Position) -> None:
        self._sent[position.stream] = max(position.sequence, self._sent.pop(position.stream, 0))
        if len(self._sent) > REMEMBERED:
            self._sent.popitem(last=False)

    def _wake_late(self, position: Position) -> None:
        sequence, key = self._late.get(position.stream, (0, None))
        if key is not None and sequence <= position.sequence:
            del self._late[position.stream]
            self._wake(key)

    def _forget(self, stream: tuple[Tenant, str], future: asyncio.Future[None]) -> None:
        left = [one for one in self._awaited.pop(stream, ()) if one[1] is not future]
        if left:
            self._awaited[stream] = left
