"""Transactions of a person's command, such as `device-manager unclaimed delete`."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from .borders import errors_converted
from .transaction import PostgresTransaction


@contextmanager
def intervention(engine: Engine, *, keep: bool = True) -> Iterator[PostgresTransaction]:
    """A transaction that is not refused, whoever leads: its locks are those of any other.

    With `keep` False it is rolled back at its end: what it would have done has been seen by then.

    The operator's own transactions are tied to the leader because a former leader acts on what it saw long
    ago; a person's command reads under the locks of the same transaction that writes.
    """
    with errors_converted(), engine.connect() as connection, connection.begin() as transaction:
        yield PostgresTransaction(connection)
        if not keep:
            transaction.rollback()
