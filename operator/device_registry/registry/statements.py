"""How the facade's statements reach Postgres: a pool of sessions, and errors that say what comes next.

`reader` and its neighbours build on `Statements`; nothing else opens asynchronous connections. Row-level
security holds even where a query forgets its tenant: every session takes a role that owns nothing, and the
policies of the tables compare with the tenants that were named for the statement (migration 0004).
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final, Self

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests
from sqlalchemy import URL

from device_registry.domain.errors import RegistryError, RegistryUnavailable, Rejected
from device_registry.domain.model import Tenant

from . import rows, sql
from .roles import FACADE_ROLE

_LOG = structlog.get_logger(__name__)
_SQL = sql.load("statements.sql")

_CONNECTIONS: Final = 8
"""More than two cores can keep busy, few enough to leave the server to the writer."""
_CONNECT_SECONDS: Final = 5
"""How long a request waits for a connection: then the registry counts as away."""
_STATEMENT_MS: Final = 5_000
"""No read takes a tenth of that."""
_LOCK_MS: Final = 2_000
"""Reads lock nothing, and the few writes of the facade wait for each other for a moment at the most."""

_AWAY: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,  # it takes no writes any more: the primary is elsewhere now
    PoolTimeout,
    PoolClosed,
    TooManyRequests,
)

_Rows = list[DictRow]


class Session(AsyncConnection[DictRow]):
    """A connection that knows which tenants it may see now."""

    visible: str = ""
    """As it was told to Postgres; empty: none."""
    failure: ClassVar[str] = ""
    """Why the last attempt to connect failed, which a time-out of the pool does not say."""

    @classmethod
    async def connect(cls, *arguments: Any, **options: Any) -> Self:
        """As the driver's, remembering what went wrong."""
        try:
            return await super().connect(*arguments, **options)
        except psycopg.Error as error:
            cls.failure = str(error)
            raise


class Statements:
    """Runs statements on a pool: an asynchronous context manager. A registry that is away is no error yet."""

    def __init__(self, url: URL, role: str = FACADE_ROLE) -> None:
        self._url = url
        self._role = role
        self.restricted = False
        """Whether Postgres keeps the tenants apart for the session that was opened last."""
        self._told = False
        self._pool: AsyncConnectionPool[Session] = AsyncConnectionPool(
            conninfo(url),
            connection_class=Session,
            kwargs=session_options(),
            configure=self.restrict,
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

    async def connect(self) -> AsyncConnection[DictRow]:
        """A connection outside the pool, for what outlasts a statement: notifications, locks."""
        return await AsyncConnection[DictRow].connect(conninfo(self._url), **session_options())

    async def ping(self) -> None:
        """Raise RegistryUnavailable when Postgres does not answer."""
        await self.fetch(_SQL.ping)

    async def fetch(self, statement: str, *, sees: Collection[Tenant] = (), **parameters: Any) -> _Rows:
        """Run one statement; its rows. It sees the tenant among its parameters, or those that `sees` names.

        Raises RegistryUnavailable, Rejected for text that the registry cannot hold, RegistryError for the
        rest.
        """
        tenants = [parameters["tenant"]] if "tenant" in parameters else sorted(sees)
        with errors_converted():
            return await self._execute(statement, rows.array_literal(tenants), parameters)

    async def _execute(self, statement: str, visible: str, parameters: Mapping[str, Any]) -> _Rows:
        """Run it once more when the connection was cut while it was idle, as by a restart of Postgres.

        It may have been cut after the statement was carried out: every statement can be repeated.
        """
        async with self._pool.connection() as session:
            try:
                return await _rows(session, statement, visible, parameters)
            except psycopg.errors.ReadOnlySqlTransaction:
                await session.close()  # the next one may reach the primary
                raise
            except psycopg.OperationalError:
                if not session.broken:
                    raise
        await self._pool.check()
        async with self._pool.connection() as session:
            return await _rows(session, statement, visible, parameters)

    async def restrict(self, session: AsyncConnection[Any]) -> None:
        """Give up every right that the facade does not need, if the role for that is there."""
        cursor = await session.execute(_SQL.take_role, {"role": self._role})
        self.restricted = await cursor.fetchone() is not None
        if not (self.restricted or self._told):
            self._told = True
            _LOG.warning(
                "row-level security is not in force: run `device-manager migrate` as a user who may make"
                " roles, or make the role by hand (docs/security.md)",
                role=self._role,
            )


@contextmanager
def errors_converted() -> Iterator[None]:
    """Errors of the driver as those of the core."""
    try:
        yield
    except _AWAY as error:
        raise RegistryUnavailable(f"Postgres does not answer: {_first_line(error)}") from error
    except (psycopg.DataError, UnicodeError) as error:
        raise Rejected(f"the registry refuses a value: {_first_line(error)}") from error
    except psycopg.Error as error:
        raise RegistryError(f"Postgres refuses a statement: {_first_line(error)}") from error


def conninfo(url: URL) -> str:
    """The address of the registry as libpq wants it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def session_options() -> dict[str, Any]:
    """How each session of the facade begins."""
    limits = f"-c statement_timeout={_STATEMENT_MS} -c lock_timeout={_LOCK_MS}"
    return {
        "autocommit": True,
        "row_factory": dict_row,
        "application_name": "device-manager-api",
        "connect_timeout": _CONNECT_SECONDS,
        "options": f"{limits} -c TimeZone=UTC",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }


async def _rows(session: Session, statement: str, visible: str, parameters: Mapping[str, Any]) -> _Rows:
    if session.visible != visible:
        await session.execute(_SQL.see, {"tenants": visible})
        session.visible = visible
    cursor = await session.execute(statement, parameters)
    return await cursor.fetchall()


def _first_line(error: Exception) -> str:
    told = Session.failure if isinstance(error, PoolTimeout) else ""
    return (told or str(error)).strip().split("\n", 1)[0]
