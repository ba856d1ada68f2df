"""Many resources at once: removed, all or none as far as can be told beforehand, or created.

What is to go is looked at before anything goes; all is done in portions, so that the last ones do not wait
longer for the operator than a single one may. Kafka is waited for once, at the end.
"""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar

from device_registry.domain.errors import NotFound, RegistryError, Unavailable
from device_registry.domain.model import Key
from device_registry.domain.outcome import Outcome
from device_registry.manifests import ALLOW_MASS_DELETION

from . import ownership, publication, removing, writes
from .context import Context
from .problems import Problem, accepted

PORTION: Final = 200
"""Resources in the hands of the operator at once: what it settles in about a second."""

_ALLOWED_FOR = timedelta(minutes=10)
"""How long the deletion budget of a namespace is lifted for a request that removes everything on purpose."""

_One = TypeVar("_One")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource, and the path under which REST knows what it stands for."""

    key: Key
    uid: str
    location: str


async def remove(context: Context, resources: Sequence[Resource], location: str) -> set[Key]:
    """Delete the resources and wait until their rows are gone; answers those that nobody else deleted first.

    Raises Problem: 409, before anything is deleted, when one is declared elsewhere; 202 with `location` when
    the row of one does not go in time (then all are deleted, and all rows will go); as `removing.remove`.
    """
    await check(context, [one.key for one in resources])
    await _lift_budget(context, {one.key.namespace for one in resources})
    removed: list[Resource] = []
    late = False
    with publication.later():
        for portion in portions(resources):
            ended = await asyncio.gather(*(caught(_remove(context, one, waits=not late)) for one in portion))
            raise_first(ended)
            late = late or any(is_late(one) for one in ended)
            removed += [one for one, mine in zip(portion, ended, strict=True) if mine is True]
    if late:
        raise accepted(location)
    await publication.wait(context, of_removed(removed), location)
    return {one.key for one in removed}


async def check(context: Context, resources: Sequence[Key]) -> None:
    """Raise Problem (409) when one of the resources is declared elsewhere and may not be deleted here."""
    for portion in portions(resources):
        await asyncio.gather(*(_check(context, key) for key in portion))


async def register(context: Context, manifests: Sequence[Mapping[str, Any]], location: str) -> list[Outcome]:
    """Create the resources, portion by portion, and wait for each. Raises Problem as `writes.register`.

    What came before a portion that fails stays.
    """
    return [
        outcome
        for portion in portions(manifests)
        for outcome in await writes.register(context, portion, location)
    ]


def of_removed(removed: Iterable[Resource]) -> publication.Awaited:
    """The events of these removals."""
    return {subject: None for one in removed for subject in publication.of_removed(one.key, one.location)}


async def in_portions(work: Sequence[Coroutine[Any, Any, _One]]) -> list[_One]:
    """Do all of it, so much at once that the operator keeps up; the results in order."""
    done: list[_One] = []
    for portion in portions(work):
        done += await asyncio.gather(*portion)
    return done


async def caught(work: Coroutine[Any, Any, _One]) -> _One | Problem | RegistryError:
    """The result, or what went wrong, so that it stops nothing that is done beside it."""
    try:
        return await work
    except (Problem, RegistryError) as error:
        return error


async def settled(work: Sequence[Coroutine[Any, Any, _One]]) -> list[_One | Problem | RegistryError]:
    """As `in_portions`, with what went wrong among the results.

    Raises Unavailable after the portion that met it: all others would wait for the same system.
    """
    ended: list[_One | Problem | RegistryError] = []
    for portion in portions(work):
        ended += await asyncio.gather(*(caught(one) for one in portion))
        if away := next((one for one in ended if isinstance(one, Unavailable)), None):
            for one in work[len(ended) :]:
                one.close()
            raise away
    return ended


def raise_first(ended: Iterable[object]) -> None:
    """Raise the first of the errors among these; that something is merely late (202) is none."""
    for one in ended:
        if isinstance(one, Problem | RegistryError) and not is_late(one):
            raise one


def is_late(error: object) -> bool:
    """Whether what was asked for comes true, only not yet."""
    return isinstance(error, Problem) and error.status == HTTPStatus.ACCEPTED


def portions(everything: Sequence[_One]) -> Iterator[Sequence[_One]]:
    """Slices of a list."""
    for start in range(0, len(everything), PORTION):
        yield everything[start : start + PORTION]


async def _check(context: Context, key: Key) -> None:
    try:
        ownership.check_whole(context.settings, await context.cluster.get(key))
    except NotFound:
        return


async def _remove(context: Context, resource: Resource, *, waits: bool) -> bool:
    """Whether it was this call that removed it: another one may have been faster."""
    try:
        await removing.remove(
            context, resource.key, resource.uid, resource.location, patient=True, waits=waits
        )
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
