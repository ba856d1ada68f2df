"""Several resources of one request are there all or not at all, whatever fails on the way.

What a request creates carries the number of its undertaking. When something fails, it is taken back at
once; what cannot be taken back then (the API server is away, this process is being killed) is undone later,
by the loop `undo_for_ever` of any facade.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import uuid4

import structlog

from device_registry.domain.errors import (
    ClusterUnavailable,
    NotFound,
    RegistryError,
    RegistryUnavailable,
    Unavailable,
)
from device_registry.domain.model import Key
from device_registry.manifests import key_of, undertaking_of
from device_registry.registry.undertakings import LEASE_SECONDS, Undertaking

from . import asking, metrics
from .context import Context

_LOG = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 5.0
"""Between two looks for what is left over: about what an API server needs to start again."""


@asynccontextmanager
async def undertaken(context: Context, manifests: Sequence[Mapping[str, Any]]) -> AsyncIterator[str]:
    """A block that creates these resources; answers the number that each must carry.

    When the block fails nothing is left. A TimeoutError is no failure: everything was created. Raises
    RegistryUnavailable when it cannot be noted that all is done: then nothing is left either.
    """
    undertaking = Undertaking(uuid4().hex, tuple(key_of(one) for one in manifests))
    noted = len(manifests) > 1
    if noted:
        await context.undertakings.begin(undertaking)
    renewing = asyncio.create_task(_renew(context, undertaking.id)) if noted else None
    late: TimeoutError | None = None
    try:
        try:
            yield undertaking.id
        except TimeoutError as error:
            late = error  # to be raised when the end is noted
        await _end(context, undertaking, noted=noted)
    except BaseException as error:
        await asyncio.shield(_take_back(context, undertaking, error, noted=noted))
        raise
    finally:
        if renewing is not None:
            renewing.cancel()
    if late is not None:
        raise late


async def undo_for_ever(context: Context) -> None:
    """Undo what is left over, of this process or of others, until cancelled."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            await undo_overdue(context)
        except Unavailable:
            continue  # it stays noted, and whoever is away says so elsewhere
        except RegistryError as error:
            _LOG.error("cannot undo what a request left behind", error=error.message)


async def undo_overdue(context: Context) -> None:
    """Undo what is left over now. Raises RegistryError."""
    while (found := await context.undertakings.overdue()) is not None:
        try:
            await _undo(context, found)
        except Unavailable:
            # Sooner than when the lease ends, which is for processes that were killed.
            with suppress(RegistryError):
                await context.undertakings.give_up(found.id)
            raise
        await context.undertakings.undone(found.id)
        metrics.UNDONE.inc()
        _LOG.warning("undone what a request left behind", resources=len(found.resources))


async def _renew(context: Context, id_: str) -> None:
    while True:
        await asyncio.sleep(LEASE_SECONDS / 3)
        with suppress(RegistryError):
            await context.undertakings.renew(id_)


async def _end(context: Context, undertaking: Undertaking, *, noted: bool) -> None:
    if noted and not await context.undertakings.end(undertaking.id):
        raise RegistryUnavailable("the request took too long and was undone; try again")


async def _take_back(
    context: Context, undertaking: Undertaking, error: BaseException, *, noted: bool
) -> None:
    """Undo it now, and have it looked at again where that is not certain."""
    try:
        deleted = await _undo(context, undertaking)
    except RegistryError as failure:
        _LOG.warning("a failed request is undone later", error=failure.message)
        await _leave(context, undertaking, noted=noted)
        return
    if isinstance(error, ClusterUnavailable | asyncio.CancelledError):
        # A creation whose answer was lost may still be on its way.
        await _leave(context, undertaking, noted=noted)
    elif noted:
        await _strike_off(context, undertaking)
    await _wait_gone(context, deleted)


async def _leave(context: Context, undertaking: Undertaking, *, noted: bool) -> None:
    try:
        if noted:
            await context.undertakings.give_up(undertaking.id)
        else:
            await context.undertakings.begin(undertaking, undoing=True)
    except RegistryError as error:
        names = [str(one) for one in undertaking.resources]
        _LOG.error("cannot note what a failed request leaves behind", resources=names, error=error.message)


async def _strike_off(context: Context, undertaking: Undertaking) -> None:
    with suppress(RegistryError):
        await context.undertakings.undone(undertaking.id)


async def _undo(context: Context, undertaking: Undertaking) -> list[tuple[Key, str]]:
    """Delete what carries the number; answers what was deleted. Raises the first failure, at the end."""
    tasks = [_delete(context, key, undertaking.id) for key in undertaking.resources]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for one in results:
        if isinstance(one, BaseException):
            raise one
    return [one for one in results if isinstance(one, tuple)]


async def _delete(context: Context, key: Key, undertaking: str) -> tuple[Key, str] | None:
    try:
        found = await context.cluster.get(key)
        if undertaking_of(found) != undertaking:
            return None
        uid: str = found["metadata"]["uid"]
        await context.cluster.delete(key, uid=uid)
    except NotFound:
        return None
    return key, uid


async def _wait_gone(context: Context, deleted: Sequence[tuple[Key, str]]) -> None:
    """So that an id that was refused is free when the refusal is answered."""
    tenant = asking.current().tenant
    waits = [context.waiter.wait_gone(tenant, key, uid) for key, uid in deleted]
    await asyncio.gather(*waits, return_exceptions=True)
