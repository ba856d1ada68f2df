"""The registry as the operator writes it (port Registry), the outbox as the relay reads it (port Outbox)."""

import select
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import URL, Engine, RowMapping, create_engine

from device_registry.domain.errors import Fenced, RegistryError
from device_registry.domain.events import Recorded
from device_registry.domain.model import Key, Kind, Tenant
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.faultpoints import Point, reached
from device_registry.ports import Holding, Place

from . import rows, sql
from .borders import errors_converted
from .transaction import PostgresTransaction

_SQL = sql.load("queries.sql")

_CONNECT_SECONDS = 5
"""Longer than any healthy handshake, short enough that a dead host shows as a condition soon."""
_STATEMENT_MS = 30_000
"""No statement of the writer takes a tenth of that; what does is stuck."""


def make_engine(url: URL) -> Engine:
    """A pool for the few threads that write: batches, propagation, relay."""
    return create_engine(
        url,
        pool_size=4,
        max_overflow=4,
        pool_pre_ping=True,
        pool_timeout=_CONNECT_SECONDS,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "device-manager",
            "options": f"-c statement_timeout={_STATEMENT_MS} -c TimeZone=UTC",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
    )


class PostgresRegistry:
    """See `device_registry.ports.Registry`, which says what each method promises."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._epoch: int | None = None
        self.outbox = PostgresOutbox(engine)

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        with errors_converted(), self._engine.begin() as connection:
            transaction = PostgresTransaction(connection)
            self._check_epoch(transaction)
            yield transaction
            reached(Point.BEFORE_COMMIT)
        reached(Point.AFTER_COMMIT)

    def _check_epoch(self, transaction: PostgresTransaction) -> None:
        current = transaction.execute(_SQL.current_epoch)
        if not current or current[0]["epoch"] != self._epoch:
            raise Fenced

    def lead(self, holder: str) -> int:
        with errors_converted(), self._engine.begin() as connection:
            (row,) = PostgresTransaction(connection).execute(_SQL.take_lead, holder=holder)
        self._epoch = int(row["epoch"])
        return self._epoch

    def unpropagated(self) -> list[tuple[Tenant, int]]:
        return [(Tenant(row["tenant"]), row["id"]) for row in self._read(_SQL.unpropagated)]

    def outcomes(self, keys: Collection[Key]) -> dict[Key, Outcome]:
        with errors_converted(), self._engine.begin() as connection:
            return PostgresTransaction(connection).outcomes(keys)

    def bound_namespaces(self) -> dict[str, Tenant]:
        return {row["namespace"]: Tenant(row["name"]) for row in self._read(_SQL.bound_namespaces)}

    def holdings(self, kind: Kind, after: Place, limit: int) -> list[Holding]:
        statement = _SQL.held_devices if kind is Kind.DEVICE else _SQL.held_templates
        namespace, name = after
        found = self._read(statement, namespace=namespace, name=name, limit=limit)
        return [rows.holding(kind, row) for row in found]

    def unclaimed(self) -> dict[Kind, int]:
        return {Kind(row["kind"]): row["rows"] for row in self._read(_SQL.unclaimed)}

    def publication(self, tenant: Tenant, subject: str, sequence: int) -> Reason:
        found = self._read(_SQL.publication, tenant=tenant, subject=subject, sequence=sequence)
        return Reason(found[0]["reason"]) if found else Reason.ACKNOWLEDGED

    def _read(self, statement: str, **parameters: Any) -> Sequence[RowMapping]:
        return _read(self._engine, statement, **parameters)

    def ping(self) -> None:
        """Raise RegistryUnavailable when Postgres does not answer."""
        self._read("SELECT 1")

    def close(self) -> None:
        """Release the connections."""
        self.outbox.close()
        self._engine.dispose()


class PostgresOutbox:
    """See `device_registry.ports.Outbox`, which says what each method promises."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._listener: extensions.connection | None = None

    def unsent(self, limit: int) -> list[Recorded]:
        return [rows.recorded(row) for row in _read(self._engine, _SQL.unsent, limit=limit)]

    def mark_sent(self, ids: Sequence[int], now: datetime) -> None:
        _read(self._engine, _SQL.mark_sent, ids=list(ids), now=now)

    def quarantine(self, event_id: int, error: str, now: datetime) -> None:
        _read(self._engine, _SQL.quarantine, id=event_id, error=error, now=now)

    def depth(self) -> tuple[int, float]:
        (row,) = _read(self._engine, _SQL.outbox_depth)
        return row["depth"], float(row["age"])

    def prune(self, before: datetime, limit: int) -> int:
        with errors_converted(), self._engine.begin() as connection:
            result = connection.exec_driver_sql(_SQL.prune_outbox, {"before": before, "limit": limit})
            return result.rowcount

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


def _read(engine: Engine, statement: str, **parameters: Any) -> Sequence[RowMapping]:
    """One statement in a transaction of its own, without the leader's check."""
    with errors_converted(), engine.begin() as connection:
        return PostgresTransaction(connection).execute(statement, **parameters)
