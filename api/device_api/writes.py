"""Writes over REST are resources like others: created or changed, then waited for (deletions: `removing`).

Whoever gets an answer can read what was written. Nothing is written while nobody would register it (503);
what is slow to be registered is answered 202; what fails half-way is taken back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeVar

from device_registry.domain.errors import Conflict, NotFound
from device_registry.domain.model import Key, Kind, Spec
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.manifests import (
    REST_MANAGER,
    author,
    edited_spec,
    key_of,
    parse_device_spec,
    parse_template_spec,
)

from . import asking, ownership, publication
from .allornone import undertaken
from .contention import ATTEMPTS, contended
from .context import Context
from .measuring import measured
from .problems import Problem, accepted, no_such, refusal
from .putting_back import put_back
from .signing import signed

_LEAVING_SECONDS: Final = 0.02
"""Between two attempts while a deleted resource of the same name is leaving: its row is gone already."""

_STATUSES: Final[Mapping[Reason, HTTPStatus]] = {
    Reason.TEMPLATE_NOT_FOUND: HTTPStatus.NOT_FOUND,
    Reason.TEMPLATE_TERMINATING: HTTPStatus.NOT_FOUND,
    Reason.TENANT_CONFLICT: HTTPStatus.FORBIDDEN,
    Reason.REGISTRY_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""What the operator may say about a resource; everything else is wrong with the request (400)."""

_T = TypeVar("_T")
_Object = dict[str, Any]


async def register(context: Context, manifests: Sequence[Mapping[str, Any]], location: str) -> list[Outcome]:
    """Create the resources and wait until all are registered; all or nothing.

    Raises Problem: as the cluster or the operator refuses one (then none is left), or 202 with `location`
    when the registry does not show all of them in time (then all will be). Raises Unavailable when the
    registry, the operator or the cluster is away (then none is left).
    """
    with measured("create"):
        await context.waiter.ready()
        try:
            async with undertaken(context, manifests) as undertaking:
                created = await _together(_create(context, one, undertaking) for one in manifests)
                outcomes = await _together(_wait(context, one) for one in created)
        except TimeoutError:
            raise accepted(location) from None
        await publication.wait(context, publication.of(outcomes), location)
        return outcomes


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
    (the old spec is then put back), 202 with `location` when the registry does not show it in time. Raises
    Unavailable when the registry, the operator or the cluster is away (then nothing was changed).
    """
    with measured("change"):
        await context.waiter.ready()
        before, after = await write(context, key, uid, edit, location)
        try:
            outcome = await _wait_changed(context, after, location)
        except TimeoutError:
            raise accepted(location) from None
        except Problem:
            await put_back(context, before, after)
            raise
        await publication.wait(context, publication.of([outcome]), location)
        return outcome


# --- creating ---------------------------------------------------------------------------------------


async def _together(tasks: Iterable[Awaitable[_T]]) -> list[_T]:
    """All results; raises the first failure when all have ended, a timeout only when nothing else failed."""
    results = await asyncio.gather(*tasks, return_exceptions=True)
    failures = [one for one in results if isinstance(one, BaseException)]
    if failures:
        raise min(failures, key=lambda one: isinstance(one, TimeoutError))
    return [one for one in results if not isinstance(one, BaseException)]


async def _create(context: Context, manifest: Mapping[str, Any], undertaking: str) -> _Object:
    wanted = signed(manifest, 1, undertaking)
    patience = time.monotonic() + context.settings.REST_WAIT_SECONDS
    while True:
        try:
            return await context.cluster.create(wanted, REST_MANAGER)
        except Conflict as error:
            if time.monotonic() > patience or not await _leaving(context, key_of(manifest)):
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
    tenant = asking.current().tenant
    return _good(await context.waiter.wait(tenant, key_of(written), meta["uid"], meta["generation"]))


async def _wait_changed(context: Context, written: Mapping[str, Any], location: str) -> Outcome:
    """The outcome of a change. Raises Problem (404) when the resource was deleted before it was looked at."""
    meta, key = written["metadata"], key_of(written)
    tenant = asking.current().tenant
    outcome = await context.waiter.wait_changed(tenant, key, meta["uid"], meta["generation"])
    if outcome is not None:
        return _good(outcome)
    await _present(context, key, meta["uid"], location)
    return await _wait(context, written)


def _good(outcome: Outcome) -> Outcome:
    """The outcome of what is registered. Raises Problem as the operator refuses it."""
    if not outcome.registered:
        status = _STATUSES.get(outcome.reason, HTTPStatus.BAD_REQUEST)
        raise refusal(outcome.message, status, outcome.reason)
    return outcome


# --- changing ---------------------------------------------------------------------------------------


async def write(
    context: Context, key: Key, uid: str, edit: Callable[[Any], Any], location: str
) -> tuple[_Object, _Object]:
    """Change the resource and wait for nobody; answers it as it was and as it is now. Raises Problem.

    404, 409 and 503 as `change`.
    """
    # Also a change is asked for once more when a connection breaks, and is a Conflict then with itself.
    tried: tuple[_Object, _Object] | None = None
    for _ in range(ATTEMPTS):
        before = await _present(context, key, uid, location)
        if tried and is_ours(before) and before["spec"] == tried[1]["spec"]:
            return tried[0], before
        spec = _edited(before, edit)
        ownership.check_fields(context.settings, before, spec)
        if spec == before["spec"]:
            return before, before
        wanted = signed({**before, "spec": spec}, before["metadata"]["generation"] + 1)
        tried = before, wanted
        try:
            return before, await context.cluster.replace(wanted, REST_MANAGER)
        except Conflict:
            continue
    raise contended(key)


def is_ours(obj: Mapping[str, Any]) -> bool:
    """Whether this request has written the present generation."""
    return author(obj["metadata"]).request == asking.current().id


async def _present(context: Context, key: Key, uid: str, location: str) -> _Object:
    """The resource as it is now. Raises Problem (404) when it is gone or going."""
    try:
        found = await context.cluster.get(key)
    except NotFound:
        raise gone(key, location) from None
    if found["metadata"]["uid"] != uid or "deletionTimestamp" in found["metadata"]:
        raise gone(key, location)
    return found


def _edited(obj: Mapping[str, Any], edit: Callable[[Any], Any]) -> _Object:
    stored, name = obj.get("spec") or {}, obj["metadata"]["name"]
    parse = parse_device_spec if obj["kind"] == Kind.DEVICE else parse_template_spec
    before: Any = parse(stored, name)
    return edited_spec(stored, before, edit(before))


def gone(key: Key, location: str) -> Problem:
    """404, naming the id by which REST knows the resource."""
    return no_such(key.kind.lower(), location.rpartition("/")[2])
