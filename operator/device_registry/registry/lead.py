"""Who leads: the epoch that every writing transaction of this process is checked against."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from device_registry.domain.errors import Fenced

from . import sql
from .borders import errors_converted
from .duty import Duty
from .transaction import PostgresTransaction

_SQL = sql.load("queries.sql")


class Lead:
    """The lead of this process, shared by the registry and its outbox."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._epoch: int | None = None
        self._duty = Duty(engine)

    def take(self, holder: str) -> int:
        """Take the lead, whoever has it; answers the epoch. Waits for transactions of the former leader."""
        with errors_converted(), self._engine.begin() as connection:
            (row,) = PostgresTransaction(connection).execute(_SQL.take_lead, holder=holder)
        self._epoch = int(row["epoch"])
        self._duty.hold()
        return self._epoch

    def keep(self) -> None:
        """Be seen to lead also after the connection was lost. Raises RegistryUnavailable."""
        self._duty.keep()

    def release(self) -> None:
        """Be seen to lead no more."""
        self._duty.release()

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        """A transaction of the leader. Raises Fenced when somebody else leads, or nobody yet."""
        with errors_converted(), self._engine.begin() as connection:
            transaction = PostgresTransaction(connection)
            current = transaction.execute(_SQL.current_epoch)
            if not current or current[0]["epoch"] != self._epoch:
                self._duty.release()
                raise Fenced
            yield transaction
