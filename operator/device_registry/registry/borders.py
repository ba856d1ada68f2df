"""Where the driver's errors become ours; every module of this package that talks to Postgres crosses here."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from device_registry.domain.errors import RegistryError, RegistryUnavailable, Rejected


@contextmanager
def errors_converted() -> Iterator[None]:
    """The driver's errors as ours: the value was refused, or Postgres is away."""
    try:
        yield
    except (DataError, IntegrityError) as error:
        raise Rejected(f"the registry refuses a value: {error.orig}") from error
    except (OperationalError, PoolTimeoutError, psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise RegistryUnavailable(f"Postgres does not answer: {_first_line(error)}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise RegistryUnavailable(f"Postgres does not answer: {_first_line(error)}") from error
        raise RegistryError(f"Postgres refuses a statement: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().split("\n", 1)[0]
