"""What the relay needs from the outside, as contracts in words: outbox, Kafka, and who hears of it.

`ports` has the rest. These are synchronous and used by the relay's thread; the quarantine is for the command.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from .domain.events import Recorded
from .domain.model import Tenant

PORTION_BYTES = 16 * 1024 * 1024
"""Payload that one look into the outbox answers at the most, so that memory is bounded whatever is in it."""


class Outbox(Protocol):
    """The outbox as the relay uses it.

    Who leads alone may change it: everything but reading and waiting raises Fenced for others.
    """

    def unsent(self, limit: int, apart_from: Collection[Tenant] = ()) -> list[Recorded]:
        """The oldest events that are neither sent nor in quarantine, in the order of their writing.

        At most `limit` of them and at most PORTION_BYTES, but at least one; those of some tenants left out.
        """

    def mark_sent(self, ids: Sequence[int], now: datetime) -> None:
        """Note that Kafka has acknowledged these events."""

    def quarantine(self, event_id: int, error: str, now: datetime) -> None:
        """Put an event aside that can never be sent, with the following ones of its subject kept flowing."""

    def readmit(self) -> int:
        """Take back out of quarantine what people want sent again; answers how many events.

        What has been overtaken stays where it is. Only to be called while nothing is on its way.
        """

    def wait(self, timeout: float) -> None:
        """Sleep until something was appended, at most `timeout` seconds. Spurious wake-ups are fine."""

    def depth(self) -> "Depth":
        """What is in it."""

    def prune(self, before: datetime, limit: int) -> int:
        """Delete sent events older than that; answers how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """What an outbox holds."""

    waiting: int = 0
    """Events that wait to be sent."""
    oldest: float = 0.0
    """Seconds since the oldest of them was written; 0 if there is none."""
    quarantined: int = 0
    """Events in quarantine about which nobody has decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """An event that Kafka can never take as it is, or not under the limits that it had then."""

    recorded: Recorded
    since: datetime
    error: str
    """What Kafka said."""
    retrying: bool = False
    """Somebody wants it sent again and the relay has not come to it yet."""
    overtaken: bool = False
    """A later event of the subject has been sent: sending this one now would bring an old state back."""


class Quarantine(Protocol):
    """The quarantine as people use it, through `device-manager quarantine`."""

    def quarantined(self, limit: int, tenant: Tenant | None = None) -> list[Quarantined]:
        """The oldest events about which nobody has decided, in the order of their writing."""

    def retry(self, ids: Collection[int]) -> list[int]:
        """Have these sent again by who leads; answers those for which that is possible.

        What is not in quarantine or was overtaken is left alone.
        """

    def drop(self, ids: Collection[int], now: datetime) -> list[int]:
        """Give these up: the payload goes, the number in the stream stays taken. Answers who they were."""


class Audience(Protocol):
    """Who wants to know what became of events; called in the relay's thread, after it was noted."""

    def on_sent(self, events: Sequence[Recorded]) -> None:
        """Kafka has acknowledged these events."""

    def on_quarantined(self, events: Sequence[Recorded]) -> None:
        """These events were put aside and will not be sent."""


class EventBus(Protocol):
    """Kafka as the relay sees it."""

    def held(self) -> frozenset[Tenant]:
        """Tenants that are left alone for a while: their events need not be brought now.

        Every tenant of which an event failed without being poison is among them.
        """

    def send(self, events: Sequence[Recorded]) -> Mapping[int, "Delivery"]:
        """Send events of different subjects and wait for the acknowledgements; answers by event id.

        Raises BrokerUnavailable when nothing could be sent at all, Fenced when another operator leads.
        """

    def close(self) -> None:
        """Release the connections."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the sending of one event ended."""

    sent: bool
    poison: bool = False
    """Sending it again can never help (too large, refused by the broker as invalid)."""
    error: str = ""
