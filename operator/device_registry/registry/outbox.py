"""The outbox as the relay uses it (port Outbox), and its quarantine as people do (port Quarantine)."""

import select
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Engine

from device_registry.dispatch import PORTION_BYTES, Depth, Quarantined
from device_registry.domain.errors import RegistryError
from device_registry.domain.events import Recorded
from device_registry.domain.model import Tenant

from . import rows, sql
from .borders import errors_converted
from .intervention import intervention
from .lead import Lead
from .transaction import read

_SQL = sql.load("queries.sql")


class PostgresOutbox:
    """See `device_registry.dispatch.Outbox`, which says what each method promises."""

    def __init__(self, engine: Engine, lead: Lead) -> None:
        self._engine = engine
        self._lead = lead
        self._listener: extensions.connection | None = None

    def unsent(self, limit: int, apart_from: Collection[Tenant] = ()) -> list[Recorded]:
        found = read(
            self._engine, _SQL.unsent, limit=limit, apart_from=sorted(apart_from), bytes=PORTION_BYTES
        )
        return [rows.recorded(row) for row in found]

    def mark_sent(self, ids: Sequence[int], now: datetime) -> None:
        with self._lead.transaction() as transaction:
            transaction.execute(_SQL.mark_sent, ids=list(ids), now=now)

    def quarantine(self, event_id: int, error: str, now: datetime) -> None:
        with self._lead.transaction() as transaction:
            transaction.execute(_SQL.quarantine, id=event_id, error=error, now=now)

    def readmit(self) -> int:
        with self._lead.transaction() as transaction:
            readmitted = transaction.execute(_SQL.readmit)
            transaction.execute(_SQL.forget_retries)
        return len(readmitted)

    def depth(self) -> Depth:
        (row,) = read(self._engine, _SQL.outbox_depth)
        return Depth(waiting=row["waiting"], oldest=float(row["oldest"]), quarantined=row["quarantined"])

    def prune(self, before: datetime, limit: int) -> int:
        with self._lead.transaction() as transaction:
            return len(transaction.execute(_SQL.prune_outbox, before=before, limit=limit))

    def wait(self, timeout: float) -> None:
        """Listen on a connection of its own; a lost one only makes the next wait begin anew."""
        try:
            with errors_converted():
                self._wait(timeout)
        except RegistryError:
            self.close()
            raise

    def _wait(self, timeout: float) -> None:
        listener = self._listening()
        if not listener.notifies:
            select.select([listener], [], [], timeout)
            listener.poll()
        listener.notifies.clear()

    def _listening(self) -> extensions.connection:
        if self._listener is None:
            pooled = self._engine.raw_connection()
            listener: extensions.connection = pooled.driver_connection  # type: ignore[assignment]
            pooled.detach()
            listener.set_isolation_level(extensions.ISOLATION_LEVEL_AUTOCOMMIT)
            with listener.cursor() as cursor:
                cursor.execute("LISTEN outbox")
            self._listener = listener
        return self._listener

    def close(self) -> None:
        """Release the listening connection."""
        if self._listener is not None:
            with suppress(psycopg2.Error):
                self._listener.close()
            self._listener = None


class PostgresQuarantine:
    """See `device_registry.dispatch.Quarantine`, which says what each method promises."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def quarantined(self, limit: int, tenant: Tenant | None = None) -> list[Quarantined]:
        found = read(self._engine, _SQL.quarantined, limit=limit, tenant=tenant)
        return [rows.quarantined(row) for row in found]

    def retry(self, ids: Collection[int]) -> list[int]:
        with intervention(self._engine) as transaction:
            found = transaction.execute(_SQL.request_retry, ids=list(ids))
            transaction.execute(_SQL.notify_outbox)
        return sorted(row["id"] for row in found)

    def drop(self, ids: Collection[int], now: datetime) -> list[int]:
        found = read(self._engine, _SQL.drop_quarantined, ids=list(ids), now=now)
        return sorted(row["id"] for row in found)
