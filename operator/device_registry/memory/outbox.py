"""The outbox in memory (port Outbox), and its quarantine (port Quarantine)."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate

from device_registry.dispatch import PORTION_BYTES, Depth, Quarantined
from device_registry.domain.events import Recorded
from device_registry.domain.model import Tenant

from .tables import Store, Tables


class MemoryOutbox:
    """See `device_registry.dispatch.Outbox`. `leading` gives the tables to who leads, to change them."""

    def __init__(self, store: Store, leading: Callable[[], AbstractContextManager[Tables]]) -> None:
        self._store = store
        self._leading = leading
        self._seen = 0

    def unsent(self, limit: int, apart_from: Collection[Tenant] = ()) -> list[Recorded]:
        found = [one for one in _waiting(self._store.tables) if one.event.tenant not in apart_from][:limit]
        sizes = accumulate((len(one.event.payload.encode()) for one in found), initial=0)
        return [one for one, before in zip(found, sizes, strict=False) if before < PORTION_BYTES]

    def mark_sent(self, ids: Sequence[int], now: datetime) -> None:
        with self._leading() as tables:
            tables.sent |= dict.fromkeys(ids, now)

    def quarantine(self, event_id: int, error: str, now: datetime) -> None:
        with self._leading() as tables:
            tables.quarantined[event_id] = (error, now)

    def readmit(self) -> int:
        with self._leading() as tables:
            wanted = [one for one in tables.retries if not _is_overtaken(tables, tables.outbox[one])]
            for one in wanted:
                del tables.quarantined[one]
            tables.retries = set()
            return len(wanted)

    def wait(self, timeout: float) -> None:
        with self._store.changed:
            self._store.changed.wait_for(lambda: self._store.last_event != self._seen, timeout)
            self._seen = self._store.last_event

    def depth(self) -> Depth:
        tables = self._store.tables
        waiting = list(_waiting(tables))
        oldest = min((one.event.created for one in waiting), default=None)
        return Depth(
            waiting=len(waiting),
            oldest=(datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0,
            quarantined=len(tables.quarantined.keys() - tables.dropped.keys()),
        )

    def prune(self, before: datetime, limit: int) -> int:
        with self._leading() as tables:
            sent = [one for one in tables.outbox if one in tables.sent]
            old = [one for one in sent if tables.sent[one] < before][:limit]
            for one in old:
                del tables.outbox[one]
            return len(old)


class MemoryQuarantine:
    """See `device_registry.dispatch.Quarantine`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def quarantined(self, limit: int, tenant: Tenant | None = None) -> list[Quarantined]:
        tables = self._store.tables
        held = (tables.outbox[one] for one in sorted(_undecided(tables)))
        wanted = [one for one in held if tenant in {None, one.event.tenant}]
        return [_quarantined(tables, one) for one in wanted][:limit]

    def retry(self, ids: Collection[int]) -> list[int]:
        with self._store.changing() as tables:
            held = sorted(_undecided(tables) & set(ids))
            found = [one for one in held if not _is_overtaken(tables, tables.outbox[one])]
            tables.retries |= set(found)
            return found

    def drop(self, ids: Collection[int], now: datetime) -> list[int]:
        with self._store.changing() as tables:
            found = sorted(_undecided(tables) & set(ids))
            for one in found:
                event = replace(tables.outbox[one].event, payload="")
                tables.outbox[one] = replace(tables.outbox[one], event=event)
                tables.dropped[one] = now
            tables.retries -= set(found)
            return found


def _waiting(tables: Tables) -> Iterator[Recorded]:
    done = tables.sent.keys() | tables.quarantined.keys()
    return (one for one in tables.outbox.values() if one.id not in done)


def _undecided(tables: Tables) -> set[int]:
    return tables.quarantined.keys() - tables.dropped.keys()


def _is_overtaken(tables: Tables, recorded: Recorded) -> bool:
    """Whether a later event of the subject was sent; one that is not there was sent and pruned."""
    stream = (recorded.event.tenant, recorded.event.subject)
    later = [
        one
        for one in tables.outbox.values()
        if (one.event.tenant, one.event.subject) == stream and one.sequence > recorded.sequence
    ]
    unsent = sum(one.id not in tables.sent for one in later)
    return tables.streams[stream] - recorded.sequence > unsent


def _quarantined(tables: Tables, recorded: Recorded) -> Quarantined:
    error, since = tables.quarantined[recorded.id]
    return Quarantined(
        recorded=recorded,
        since=since,
        error=error,
        retrying=recorded.id in tables.retries,
        overtaken=_is_overtaken(tables, recorded),
    )
