"""An outbox and a bus in memory that do what a test tells them, for the relay."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from device_registry.dispatch import Delivery, Depth
from device_registry.domain.errors import BrokerUnavailable, Fenced, RegistryUnavailable
from device_registry.domain.events import Event, EventType, Recorded
from device_registry.domain.model import Tenant

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

SENT = Delivery(sent=True)
FAILED = Delivery(sent=False, error="try again")
POISON = Delivery(sent=False, poison=True, error="too large")


def an_event(event_id: int, subject: str = "a", sequence: int = 1, **event: str) -> Recorded:
    tenant = Tenant(event.pop("tenant", "acme"))
    content = Event(
        tenant=tenant,
        subject=subject,
        type=EventType.UPDATE,
        payload=event.pop("payload", "{}"),
        created=NOON,
        **event,  # type: ignore[arg-type]  # what is left are the texts of an event
    )
    return Recorded(id=event_id, sequence=sequence, event=content)


@dataclass
class MemoryOutbox:
    """Holds events in the order of `add`. While `away` every call fails as without Postgres."""

    away: bool = False
    events: list[Recorded] = field(default_factory=list)
    sent: dict[int, datetime] = field(default_factory=dict)
    poison: dict[int, str] = field(default_factory=dict)
    wanted: set[int] = field(default_factory=set)
    """What people want sent again."""
    fenced: bool = False
    """Another operator leads."""
    limits: list[int] = field(default_factory=list)
    """How many events it was asked for, each time."""
    waits: int = 0
    on_wait: Callable[[], None] = lambda: None
    _sequences: Counter[str] = field(default_factory=Counter)

    def add(self, *subjects: str) -> None:
        for subject in subjects:
            self._sequences[subject] += 1
            self.events.append(an_event(len(self.events) + 1, subject, self._sequences[subject]))

    @property
    def waiting(self) -> list[Recorded]:
        self._answer()
        return [event for event in self.events if event.id not in self.sent.keys() | self.poison.keys()]

    def unsent(self, limit: int, apart_from: Collection[Tenant] = ()) -> list[Recorded]:
        self.limits.append(limit)
        return [event for event in self.waiting if event.event.tenant not in apart_from][:limit]

    def mark_sent(self, ids: Sequence[int], now: datetime) -> None:
        self._answer()
        if self.fenced:
            raise Fenced
        self.sent.update(dict.fromkeys(ids, now))

    def quarantine(self, event_id: int, error: str, now: datetime) -> None:
        self._answer()
        self.poison[event_id] = error

    def wait(self, timeout: float) -> None:
        self._answer()
        self.waits += 1
        self.on_wait()

    def readmit(self) -> int:
        self._answer()
        readmitted, self.wanted = self.wanted, set()
        for event_id in readmitted:
            del self.poison[event_id]
        return len(readmitted)

    def depth(self) -> Depth:
        waiting = len(self.waiting)
        return Depth(waiting=waiting, oldest=7.0 if waiting else 0.0, quarantined=len(self.poison))

    def prune(self, before: datetime, limit: int) -> int:
        self._answer()
        old = [event for event in self.events if self.sent.get(event.id, before) < before][:limit]
        self.events = [event for event in self.events if event not in old]
        return len(old)

    def _answer(self) -> None:
        if self.away:
            raise RegistryUnavailable


@dataclass
class ScriptedBus:
    """Delivers by a rule; while `away` it fails as without Kafka. `rounds` is what it was asked to send."""

    rule: Callable[[Recorded], Delivery] = lambda _: SENT
    away: bool = False
    stuck: set[str] = field(default_factory=set)
    """Tenants whose topics cannot be used: their events fail, and then they are held."""
    holding: set[Tenant] = field(default_factory=set)
    rounds: list[list[Recorded]] = field(default_factory=list)
    delivered: list[Recorded] = field(default_factory=list)

    def send(self, events: Sequence[Recorded]) -> Mapping[int, Delivery]:
        if self.away:
            raise BrokerUnavailable
        self.rounds.append(list(events))
        deliveries = {event.id: self._delivery(event) for event in events}
        self.delivered += [event for event in events if deliveries[event.id].sent]
        return deliveries

    def held(self) -> frozenset[Tenant]:
        return frozenset(self.holding)

    def _delivery(self, event: Recorded) -> Delivery:
        if event.event.tenant in self.stuck:
            self.holding.add(event.event.tenant)
            return FAILED
        return self.rule(event)

    def close(self) -> None:
        self.away = True

    @property
    def sequences(self) -> dict[str, list[int]]:
        """By subject what a consumer would have seen, in order."""
        seen: dict[str, list[int]] = defaultdict(list)
        for event in self.delivered:
            seen[event.event.subject].append(event.sequence)
        return dict(seen)


class Nobody:
    """An audience that does not listen."""

    def on_sent(self, events: Sequence[Recorded]) -> None: ...

    def on_quarantined(self, events: Sequence[Recorded]) -> None: ...
