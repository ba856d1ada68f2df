"""A relay with an outbox and a bus in memory around it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client import REGISTRY

from device_registry.domain.events import Recorded
from device_registry.relay import Relay
from tests.support.outbox import NOON, MemoryOutbox, ScriptedBus

DAY = timedelta(days=1)
"""How long the relay keeps sent events."""


@dataclass
class World:
    """A relay with everything around it."""

    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    bus: ScriptedBus = field(default_factory=ScriptedBus)
    now: datetime = NOON
    told: list[int] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.relay = Relay(self.outbox, self.bus, lambda: self.now, self, retention=DAY)

    def on_sent(self, events: Sequence[Recorded]) -> None:
        assert all(event.id in self.outbox.sent for event in events)
        self.told += [event.id for event in events]

    def on_quarantined(self, events: Sequence[Recorded]) -> None:
        assert all(event.id in self.outbox.poison for event in events)
        self.given_up += [event.id for event in events]


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"device_manager_{name}", labels) or 0.0
