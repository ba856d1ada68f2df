"""The outbox in memory (port Outbox)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from device_registry.domain.events import Recorded

from .tables import Store


class MemoryOutbox:
    """See `device_registry.ports.Outbox`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = 0

    def unsent(self, limit: int) -> list[Recorded]:
        tables = self._store.tables
        done = tables.sent.keys() | tables.quarantined
        return [one for one in tables.outbox.values() if one.id not in done][:limit]

    def mark_sent(self, ids: Sequence[int], now: datetime) -> None:
        with self._store.changing() as tables:
            tables.sent |= dict.fromkeys(ids, now)

    def quarantine(self, event_id: int, error: str, now: datetime) -> None:  # noqa: ARG002 - kept for people
        with self._store.changing() as tables:
            tables.quarantined.add(event_id)

    def wait(self, timeout: float) -> None:
        with self._store.changed:
            self._store.changed.wait_for(lambda: self._store.last_event != self._seen, timeout)
            self._seen = self._store.last_event

    def depth(self) -> tuple[int, float]:
        waiting = self.unsent(len(self._store.tables.outbox))
        oldest = min((one.event.created for one in waiting), default=None)
        return len(waiting), (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0

    def prune(self, before: datetime, limit: int) -> int:
        with self._store.changing() as tables:
            sent = [one for one in tables.outbox if one in tables.sent]
            old = [one for one in sent if tables.sent[one] < before][:limit]
            for one in old:
                del tables.outbox[one]
            return len(old)
