"""One at a time: what two requests must not do to the same tenant at once, over all facades.

A turn is an advisory lock in a session of its own, so it goes with the process, also when that is killed.
Should the session be lost on the way, the turn is lost with it. Imports of the facade take turns, and edits
that add attributes to templates which share devices.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Any, Final
from weakref import WeakValueDictionary

from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable

from device_registry.domain.errors import Contended
from device_registry.domain.model import Tenant

from . import sql
from .statements import Statements, errors_converted

_SQL = sql.load("turns.sql")

_SESSIONS: Final = 8
"""Turns that one process has at once, over all tenants: each keeps a session."""


class Matter(IntEnum):
    """What a turn is about; who waits for one matter does not wait for the other.

    The first of the two numbers of each lock: locks of two numbers are apart from those of one (`duty`).
    """

    IMPORT = 0x646A6F75
    TEMPLATES = 0x646A6F76


class Turns:
    """Gives turns to whoever asks, one after another."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._lines: WeakValueDictionary[tuple[Tenant, Matter], asyncio.Lock] = WeakValueDictionary()
        self._sessions = asyncio.Semaphore(_SESSIONS)

    @asynccontextmanager
    async def take(
        self, tenant: Tenant, patience: float, matter: Matter = Matter.IMPORT
    ) -> AsyncIterator[None]:
        """A block in which nobody else is for this tenant and matter.

        Raises Contended when somebody still was after `patience` seconds, RegistryUnavailable.
        """
        deadline = time.monotonic() + patience
        # Within one process they wait here, without a session each.
        line = self._lines.setdefault((tenant, matter), asyncio.Lock())
        async with _in_time(line, deadline), _in_time(self._sessions, deadline):
            with errors_converted():
                session = await self._statements.connect()
            try:
                await _lock(session, tenant, matter, deadline - time.monotonic())
                yield
            finally:
                await session.close()


@asynccontextmanager
async def _in_time(line: asyncio.Lock | asyncio.Semaphore, deadline: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            await line.acquire()
    except TimeoutError as error:
        raise Contended("it is still somebody else's turn") from error
    try:
        yield
    finally:
        line.release()


async def _lock(session: AsyncConnection[Any], tenant: Tenant, matter: Matter, patience: float) -> None:
    with errors_converted():
        await session.execute(_SQL.patience, {"milliseconds": str(max(1, round(patience * 1000)))})
        try:
            await session.execute(_SQL.lock, {"lock": int(matter), "tenant": tenant})
        except LockNotAvailable as error:
            raise Contended("it is still somebody else's turn") from error
