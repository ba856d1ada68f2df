"""How the facade's statements reach Postgres: a pool of sessions, and errors that say what comes next.

`reader` and its neighbours build on `Statements`; nothing else opens asynchronous connections but the waiter.
"""

from collections.abc import Mapping
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests
from sqlalchemy import URL

from device_registry.domain.errors import RegistryError, RegistryUnavailable

from . import sql

_SQL = sql.load("reader.sql")

_CONNECTIONS = 8
"""More than two cores can keep busy, few enough to leave the server to the writer."""
_CONNECT_SECONDS = 5
"""How long a request waits for a connection: then the registry counts as away."""
_STATEMENT_MS = 5_000
"""No read takes a tenth of that."""


def conninfo(url: URL) -> str:
    """The address of the registry as libpq wants it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def session_options() -> dict[str, Any]:
    """How each session of the facade begins."""
    return {
        "autocommit": True,
        "row_factory": dict_row,
        "application_name": "device-manager-api",
        "connect_timeout": _CONNECT_SECONDS,
        "options": f"-c statement_timeout={_STATEMENT_MS} -c TimeZone=UTC",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }


class Statements:
    """Runs statements on a pool: an asynchronous context manager. A registry that is away is no error yet."""

    def __init__(self, url: URL) -> None:
        self._pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
            conninfo(url),
            kwargs=session_options(),
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=_CONNECT_SECONDS,
            open=False,
        )

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    async def ping(self) -> None:
        """Raise RegistryUnavailable when Postgres does not answer."""
        await self.fetch(_SQL.ping)

    async def fetch(self, statement: str, **parameters: Any) -> list[DictRow]:
        """Run one statement; the rows. Errors are ours: RegistryUnavailable, RegistryError for the rest."""
        try:
            return await self._execute(statement, parameters)
        except _AWAY as error:
            raise RegistryUnavailable(f"Postgres does not answer: {_first_line(error)}") from error
        except psycopg.Error as error:
            raise RegistryError(f"Postgres refuses a statement: {_first_line(error)}") from error

    async def _execute(self, statement: str, parameters: Mapping[str, Any]) -> list[DictRow]:
        """Run it once more when the connection was cut while it was idle, as by a restart of Postgres."""
        async with self._pool.connection() as connection:
            try:
                return await _rows(connection, statement, parameters)
            except psycopg.OperationalError:
                if not connection.broken:
                    raise
        await self._pool.check()
        async with self._pool.connection() as connection:
            return await _rows(connection, statement, parameters)


_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed, TooManyRequests)


async def _rows(
    connection: AsyncConnection[DictRow], statement: str, parameters: Mapping[str, Any]
) -> list[DictRow]:
    cursor = await connection.execute(statement, parameters)
    return await cursor.fetchall()


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
