"""Writes over REST are resources like any other: created, changed, deleted, then waited for in the registry.

Whoever gets an answer can read what was written. What fails half-way is taken back.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import structlog

from device_registry.domain.errors import Conflict, NotFound, RegistryError
from device_registry.domain.model import Key, Kind, Spec
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.manifests import edited_spec, key_of, parse_device_spec, parse_template_spec
from device_registry.settings import ForeignResources

from . import ownership
from .context import Context
from .ownership import MANAGER
from .problems import Problem, accepted, no_such, refusal

_LOG = structlog.get_logger(__name__)

_LEAVING_SECONDS = 0.02
"""Between two attempts while a deleted resource of the same name is leaving: its row is gone already."""
_ATTEMPTS = 100
"""At a change of an object that others write too; a write takes a few milliseconds."""

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


async def change(
    context: Context, key: Key, uid: str, edit: Callable[[Spec], Spec], location: str
) -> Outcome:
    """Give the resource the spec that `edit` makes of its present one, and wait until that is registered.

    `edit` takes the declared value (a DeviceSpec or a TemplateSpec, as the kind of `key` says) and answers
    the wanted one. It has no side effects: when somebody else writes at the same time it is called again
    with what is there then, so nobody's write is lost. What it leaves alone (a policy, credentials) stays,
    with its owner; if it changes nothing, nothing is written and the present outcome is answered.
    `location` is the path of the device or template; its last segment is the id that a 404 names.

    Raises Problem: 404 when the resource is gone, 409 naming manager and field when the edit changes what
    is declared elsewhere (unless FOREIGN_RESOURCES=overwrite), 4xx as the cluster or the operator refuses
    (the old spec is then put back), 202 with `location` when the registry does not show it in time.
    """
    before = after = await _present(context, key, uid, location)
    for _ in range(_ATTEMPTS):
        wanted = {**before, "spec": _edited(before, edit)}
        _check_owners(context, before, wanted["spec"])
        try:
            same = wanted["spec"] == before["spec"]
            after = before if same else await context.cluster.replace(wanted, MANAGER)
            break
        except Conflict:
            before = await _present(context, key, uid, location)
    else:
        raise refusal("others change it all the time; try again later", HTTPStatus.SERVICE_UNAVAILABLE)
    try:
        return await _wait(context, after)
    except TimeoutError:
        raise accepted(location) from None
    except Problem:
        await _put_back(context, before, after)
        raise


async def remove(context: Context, key: Key, uid: str, location: str, *, patient: bool = False) -> None:
    """Delete the resource and wait until its row is gone; if `patient`, also while a budget holds it.

    Of several at once one returns, the others raise Problem (404, with the last segment of `location` as
    the id). Raises Problem also: 409 naming the manager when the resource is declared elsewhere (unless
    FOREIGN_RESOURCES=overwrite), 400 when its deletion waits for others, 202 with `location` when the row
    does not go in time.
    """
    first = await _delete(context, key, uid)
    try:
        held = await context.waiter.wait_gone(key, uid, patient=patient)
    except TimeoutError:
        raise accepted(location) from None
    if held is not None:
        raise refusal(held.message)
    if not first:
        raise _gone(key, location)


# --- creating ---------------------------------------------------------------------------------------


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


async def _wait(context: Context, written: Mapping[str, Any]) -> Outcome:
    meta = written["metadata"]
    outcome = await context.waiter.wait(key_of(written), meta["uid"], meta["generation"])
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
    key, uid = key_of(created), created["metadata"]["uid"]
    try:
        with suppress(NotFound):
            await context.cluster.delete(key, uid=uid)
        await context.waiter.wait_gone(key, uid)
    except (RegistryError, TimeoutError) as error:
        _LOG.warning("a resource of a failed request stays", resource=str(key), error=str(error))


# --- changing ---------------------------------------------------------------------------------------


async def _present(context: Context, key: Key, uid: str, location: str) -> dict[str, Any]:
    """The resource as it is now. Raises Problem (404) when it is gone or going."""
    try:
        found = await context.cluster.get(key)
    except NotFound:
        raise _gone(key, location) from None
    if found["metadata"]["uid"] != uid or "deletionTimestamp" in found["metadata"]:
        raise _gone(key, location)
    return found


def _edited(obj: Mapping[str, Any], edit: Callable[[Any], Any]) -> dict[str, Any]:
    stored, name = obj.get("spec") or {}, obj["metadata"]["name"]
    parse = parse_device_spec if obj["kind"] == Kind.DEVICE else parse_template_spec
    before: Any = parse(stored, name)
    return edited_spec(stored, before, edit(before))


async def _put_back(context: Context, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """The former spec, unless somebody has written another one since."""
    try:
        found = await context.cluster.get(key_of(after))
        if found["metadata"]["generation"] == after["metadata"]["generation"]:
            await context.cluster.replace({**found, "spec": before["spec"]}, MANAGER)
    except RegistryError as error:
        _LOG.warning("a refused change stays", resource=str(key_of(after)), error=error.message)


# --- owners -----------------------------------------------------------------------------------------


def _check_owners(context: Context, obj: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
    """Raise Problem (409) when the spec changes what is declared elsewhere."""
    owned = ownership.touched(obj, spec)
    if owned is not None and not _may_overwrite(context):
        raise refusal(
            f"{owned.path} of {key_of(obj)} is declared by {owned.manager}; change it there,"
            " or set FOREIGN_RESOURCES=overwrite to let REST change what others declare",
            HTTPStatus.CONFLICT,
        )


def check_declared_here(context: Context, obj: Mapping[str, Any]) -> None:
    """Raise Problem (409) when others declare the resource, whole or in part."""
    others = ownership.declarers(obj)
    if others and not _may_overwrite(context):
        raise refusal(
            f"{key_of(obj)} is declared by {', '.join(others)}; delete it there,"
            " or set FOREIGN_RESOURCES=overwrite to let REST delete what others declare",
            HTTPStatus.CONFLICT,
        )


def _may_overwrite(context: Context) -> bool:
    return context.settings.FOREIGN_RESOURCES is ForeignResources.OVERWRITE


# --- deleting ---------------------------------------------------------------------------------------


async def _delete(context: Context, key: Key, uid: str) -> bool:
    """Whether it was this call that deleted the resource. Raises Problem (409) when others declare it."""
    for _ in range(_ATTEMPTS):
        try:
            found = await context.cluster.get(key)
            if found["metadata"]["uid"] != uid or "deletionTimestamp" in found["metadata"]:
                return False
            check_declared_here(context, found)
            await context.cluster.delete(key, uid=uid, resource_version=found["metadata"]["resourceVersion"])
            return True
        except NotFound:
            return False
        except Conflict:
            continue
    raise refusal("others change it all the time; try again later", HTTPStatus.SERVICE_UNAVAILABLE)


def _gone(key: Key, location: str) -> Problem:
    return no_such(key.kind.lower(), location.rpartition("/")[2])
