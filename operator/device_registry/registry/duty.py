"""Whether an operator is on duty, told through Postgres: no heartbeat, no clock, nothing to configure.

Whoever leads holds a shared advisory lock in a session of its own; the lock goes with the session, also when
the process is killed. The facade asks (`reader.sql: at_work`) before it writes what nobody would register.
"""

from contextlib import suppress
from threading import Lock

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Engine

from .borders import errors_converted

LOCK = 0x646A6F75
"""Number of the advisory lock; the one of migrations is its neighbour."""


class Duty:
    """The lock of one operator. Calls may come from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._session: extensions.connection | None = None
        self._wanted = False
        self._mutex = Lock()

    def hold(self) -> None:
        """Be seen from now on, again if the session was lost. Raises RegistryUnavailable."""
        self._wanted = True
        with self._mutex, errors_converted():
            try:
                self._take()
            except psycopg2.Error:
                self._drop()
                raise

    def keep(self) -> None:
        """As `hold`, for who is seen already; who is not stays unseen."""
        if self._wanted:
            self.hold()

    def release(self) -> None:
        """Be seen no more."""
        self._wanted = False
        with self._mutex:
            self._drop()

    def _take(self) -> None:
        """Ask the session; a new one takes the lock, an old one shows that it is still there."""
        if self._session is not None:
            with suppress(psycopg2.Error), self._session.cursor() as cursor:
                cursor.execute("SELECT 1")
                return
            self._drop()
        self._session = self._connect()
        with self._session.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock_shared(%s)", (LOCK,))

    def _connect(self) -> extensions.connection:
        pooled = self._engine.raw_connection()
        session: extensions.connection = pooled.driver_connection  # type: ignore[assignment]
        pooled.detach()
        session.set_isolation_level(extensions.ISOLATION_LEVEL_AUTOCOMMIT)
        return session

    def _drop(self) -> None:
        if self._session is not None:
            with suppress(psycopg2.Error):
                self._session.close()
        self._session = None
