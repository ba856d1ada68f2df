"""Many resources at once: removed, all or none as far as can be told beforehand, or created.

What is to go is looked at before anything goes; all is done in portions, so that the last ones do not wait
longer for the operator than a single one may.
"""

import asyncio
from collections.abc import Collection, Coroutine, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar

from device_registry.domain.errors import NotFound
from device_registry.domain.model import Key
from device_registry.manifests import ALLOW_MASS_DELETION

from . import ownership, removing, writes
from .context import Context
from .problems import Problem

PORTION: Final = 200
"""Resources in the hands of the operator at once: what it settles in about a second."""

_ALLOWED_FOR = timedelta(minutes=10)
"""How long the deletion budget of a namespace is lifted for a request that removes everything on purpose."""

Resource = tuple[Key, str]
"""A resource and its uid."""

_One = TypeVar("_One")


async def remove(context: Context, resources: Sequence[Resource], location: str) -> set[Key]:
    """Delete the resources and wait until their rows are gone; answers those that nobody else deleted first.

    Raises Problem, before anything is deleted, when one is declared elsewhere (409); as `removing.remove`.
    """
    await check(context, [key for key, _ in resources])
    await _lift_budget(context, {key.namespace for key, _ in resources})
    removed: set[Key] = set()
    for portion in portions(resources):
        gone = await asyncio.gather(*(_remove(context, key, uid, location) for key, uid in portion))
        removed |= {key for (key, _), mine in zip(portion, gone, strict=True) if mine}
    return removed


async def check(context: Context, resources: Sequence[Key]) -> None:
    """Raise Problem (409) when one of the resources is declared elsewhere and may not be deleted here."""
    for portion in portions(resources):
        await asyncio.gather(*(_check(context, key) for key in portion))


async def register(context: Context, manifests: Sequence[Mapping[str, Any]], location: str) -> None:
    """Create the resources, portion by portion, and wait for each. Raises Problem as `writes.register`.

    What came before a portion that fails stays.
    """
    for portion in portions(manifests):
        await writes.register(context, portion, location)


async def in_portions(work: Sequence[Coroutine[Any, Any, _One]]) -> list[_One]:
    """Do all of it, so much at once that the operator keeps up; the results in order."""
    done: list[_One] = []
    for portion in portions(work):
        done += await asyncio.gather(*portion)
    return done


def portions(everything: Sequence[_One]) -> Iterator[Sequence[_One]]:
    """Slices of a list."""
    for start in range(0, len(everything), PORTION):
        yield everything[start : start + PORTION]


async def _check(context: Context, key: Key) -> None:
    try:
        ownership.check_whole(context.settings, await context.cluster.get(key))
    except NotFound:
        return


async def _remove(context: Context, key: Key, uid: str, location: str) -> bool:
    """Whether it was this call that removed it: another one may have been faster."""
    try:
        await removing.remove(context, key, uid, location, patient=True)
    except Problem as problem:
        if problem.status == HTTPStatus.NOT_FOUND:
            return False
        raise
    return True


async def _lift_budget(context: Context, namespaces: Collection[str]) -> None:
    """Who asks to remove everything means it: the budget is there against accidents."""
    if context.settings.has_deletion_budget:
        until = datetime.now(UTC) + _ALLOWED_FOR
        note = {ALLOW_MASS_DELETION: until.isoformat(timespec="seconds")}
        for namespace in namespaces:
            await context.cluster.annotate_namespace(namespace, note)
