"""The registry as the operator writes it (port Registry)."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Engine, RowMapping, create_engine

from device_registry.domain.model import Key, Kind, Tenant
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.faultpoints import Point, reached
from device_registry.ports import Holding, Place

from . import rows, sql
from .borders import errors_converted
from .lead import Lead
from .outbox import PostgresOutbox
from .transaction import PostgresTransaction, read

_SQL = sql.load("queries.sql")

_CONNECT_SECONDS = 5
"""Longer than any healthy handshake, short enough that a dead host shows as a condition soon."""
_SILENCE_MS = 20_000
"""What was sent and is not acknowledged for so long goes to a host that is not there any more."""
_STATEMENT_MS = 30_000
"""No statement of the writer takes a tenth of that; what does is stuck."""
LEADERS_SILENCE_SECONDS = 10.0
"""A leader that says nothing for so long within a transaction is frozen or lost: its lock on the lead must
not outlast its Lease."""
_SERVERS_LOOK = (
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
    f" -c tcp_user_timeout={_SILENCE_MS}"
)
"""Has the server notice as soon as we do that the other host is gone; by itself it looks after two hours."""


def make_engine(url: URL, silence_seconds: float = 0) -> Engine:
    """A pool for the few threads that write: batches, propagation, relay.

    Postgres ends a session that says nothing for `silence_seconds` within a transaction; 0 leaves that to it.
    """
    options = f"-c statement_timeout={_STATEMENT_MS} -c TimeZone=UTC {_SERVERS_LOOK}"
    if silence_seconds:
        options += f" -c idle_in_transaction_session_timeout={silence_seconds * 1000:.0f}"
    return create_engine(
        url,
        pool_size=4,
        max_overflow=4,
        pool_pre_ping=True,
        pool_timeout=_CONNECT_SECONDS,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "device-manager",
            "options": options,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": _SILENCE_MS,
        },
    )


class PostgresRegistry:
    """See `device_registry.ports.Registry`, which says what each method promises."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lead = Lead(engine)
        self.outbox = PostgresOutbox(engine, self._lead)

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        with self._lead.transaction() as transaction:
            yield transaction
            reached(Point.BEFORE_COMMIT)
        reached(Point.AFTER_COMMIT)

    def lead(self, holder: str) -> int:
        return self._lead.take(holder)

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
        return read(self._engine, statement, **parameters)

    def ping(self) -> None:
        """Raise RegistryUnavailable when Postgres does not answer."""
        self._read("SELECT 1")
        self._lead.keep()

    def close(self) -> None:
        """Release the connections."""
        self._lead.release()
        self.outbox.close()
        self._engine.dispose()
