"""Writes over REST are resources like any other: created or deleted, then waited for in the registry.

Whoever gets an answer can read what was written. What fails half-way is taken back.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import structlog

from device_registry.domain.errors import Conflict, NotFound, RegistryError
from device_registry.domain.model import Key
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.manifests import key_of

from .context import Context
from .problems import Problem, accepted, refusal

_LOG = structlog.get_logger(__name__)

MANAGER: Final = "device-manager-api"
"""The field manager of everything that REST writes."""

_LEAVING_SECONDS = 0.02
"""Between two attempts while a deleted resource of the same name is leaving: its row is gone already."""

_STATUSES: Final[Mapping[Reason, HTTPStatus]] = {
    Reason.TEMPLATE_NOT_FOUND: HTTPStatus.NOT_FOUND,
    Reason.TEMPLATE_TERMINATING: HTTPStatus.NOT_FOUND,
    Reason.TENANT_CONFLICT: HTTPStatus.FORBIDDEN,
    Reason.REGISTRY_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""What the operator may say about a resource; everything else is wrong with the request (400)."""


async def register(context: Context, manifests: Sequence[Mapping[str, Any]], location: str) -> list[Outcome]:
    """Create the resources and wait until all are registered; all or nothing.

    Raises Problem: as the cluster or the operator refuses one (then none is left), or 202 with `location`
    when the registry does not show them in time.
    """
    results = await asyncio.gather(*(_create(context, one) for one in manifests), return_exceptions=True)
    created = [one for one in results if not isinstance(one, BaseException)]
    await _stop_at_failure(context, results, created)
    outcomes = await asyncio.gather(*(_wait(context, one) for one in created), return_exceptions=True)
    if any(isinstance(one, TimeoutError) for one in outcomes):
        raise accepted(location)
    await _stop_at_failure(context, outcomes, created)
    return [one for one in outcomes if isinstance(one, Outcome)]


async def remove(context: Context, key: Key, uid: str, location: str) -> None:
    """Delete the resource and wait until its row is gone.

    Raises Problem: 400 when its deletion waits for others, 202 with `location` when the row does not
    go in time.
    """
    with suppress(NotFound):
        await context.cluster.delete(key, uid=uid)
    try:
        held = await context.waiter.wait_gone(key, uid)
    except TimeoutError:
        raise accepted(location) from None
    if held is not None:
        raise refusal(held.message)


async def _create(context: Context, manifest: Mapping[str, Any]) -> dict[str, Any]:
    while True:
        try:
            return await context.cluster.create(manifest, MANAGER)
        except Conflict as error:
            if not await _leaving(context, key_of(manifest)):
                raise refusal(error.message) from error
            await asyncio.sleep(_LEAVING_SECONDS)


async def _leaving(context: Context, key: Key) -> bool:
    """Whether the resource that has the name is on its way out; what nothing holds goes at once."""
    try:
        found = await context.cluster.get(key)
    except NotFound:
        return True
    return "deletionTimestamp" in found["metadata"]


async def _wait(context: Context, created: Mapping[str, Any]) -> Outcome:
    meta = created["metadata"]
    outcome = await context.waiter.wait(key_of(created), meta["uid"], meta["generation"])
    if not outcome.registered:
        raise refusal(outcome.message, _STATUSES.get(outcome.reason, HTTPStatus.BAD_REQUEST))
    return outcome


async def _stop_at_failure(
    context: Context, results: Sequence[object], created: Sequence[Mapping[str, Any]]
) -> None:
    """If anything failed: take back what was created and raise the first failure."""
    failure = next((one for one in results if isinstance(one, BaseException)), None)
    if failure is None:
        return
    await asyncio.gather(*(_take_back(context, one) for one in created))
    raise failure


async def _take_back(context: Context, created: Mapping[str, Any]) -> None:
    key = key_of(created)
    try:
        await remove(context, key, created["metadata"]["uid"], "")
    except (RegistryError, Problem) as error:
        _LOG.warning("a resource of a failed request stays", resource=str(key), error=str(error))
