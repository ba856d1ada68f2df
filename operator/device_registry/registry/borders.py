"""Where the driver's errors become ours; every module of this package that talks to Postgres crosses here."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from device_registry.domain.errors import Contended, RegistryError, RegistryUnavailable, Rejected

_IN_THE_WAY = frozenset({"40001", "40P01"})
"""Codes of transactions that gave way to another one: serialization failure, deadlock."""
_READ_ONLY = "25006"
"""The server takes no writes (any more): the primary is elsewhere, and reconnecting will find it."""


@contextmanager
def errors_converted() -> Iterator[None]:
    """The driver's errors as ours: the value was refused, somebody was in the way, or Postgres is away."""
    try:
        yield
    except (DataError, IntegrityError) as error:
        raise Rejected(f"the registry refuses a value: {error.orig}") from error
    except (OperationalError, PoolTimeoutError, psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        if _code(error) in _IN_THE_WAY:
            raise Contended(f"Postgres: {_first_line(error)}") from error
        raise RegistryUnavailable(f"Postgres does not answer: {_first_line(error)}") from error
    except DBAPIError as error:
        if error.connection_invalidated or _code(error) == _READ_ONLY:
            raise RegistryUnavailable(f"Postgres does not answer: {_first_line(error)}") from error
        raise RegistryError(f"Postgres refuses a statement: {_first_line(error)}") from error


def _code(error: Exception) -> str | None:
    """The SQLSTATE, if the error came from the server."""
    return getattr(getattr(error, "orig", error), "pgcode", None)


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().split("\n", 1)[0]
