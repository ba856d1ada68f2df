"""Keeps a leader that woke up late from sending.

Rows are safe by the epoch. Kafka knows of no epoch, so the relay sends through this; the API server is
guarded alike in `device_registry.leases`.
"""

from collections.abc import Callable, Mapping, Sequence

from device_registry.dispatch import Delivery, EventBus
from device_registry.domain.errors import Fenced
from device_registry.domain.events import Recorded
from device_registry.domain.model import Tenant


class FencedBus:
    """Kafka for the leader only (port EventBus). `leads` says whether this process leads at this moment."""

    def __init__(self, bus: EventBus, leads: Callable[[], bool]) -> None:
        self._bus = bus
        self._leads = leads

    def held(self) -> frozenset[Tenant]:
        """See the port."""
        return self._bus.held()

    def send(self, events: Sequence[Recorded]) -> Mapping[int, Delivery]:
        """See the port. Raises Fenced instead of sending what another operator may be sending."""
        if not self._leads():
            raise Fenced
        return self._bus.send(events)

    def close(self) -> None:
        """See the port."""
        self._bus.close()
