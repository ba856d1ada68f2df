"""Declares many resources, templates before devices, and tells which the API server refused."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from device_registry.backoff import Backoff
from device_registry.domain.errors import ClusterUnavailable, Conflict, Forbidden, NotFound, Refused
from device_registry.domain.model import Key, Kind
from device_registry.manifests import key_of
from device_registry.manifests.authorship import REST_MANAGER

from .cluster import People
from .progress import bar

_AT_ONCE: Final = 16
"""Requests in flight: half of what the API server handles for one client."""
_TRIES: Final = 6
"""Attempts while the API server is busy or away: a quarter of a minute, then it is told."""

Manifest = Mapping[str, Any]
Failures = dict[Key, str]


async def declare(people: People, manifests: Sequence[Manifest]) -> tuple[list[dict[str, Any]], Failures]:
    """Apply manifests as the facade would, so that REST clients may change what they declare.

    Answers the objects as stored, and what was refused. Raises ClusterUnavailable when the API server stays
    away.
    """
    stored: list[dict[str, Any]] = []
    failures: Failures = {}

    async def apply(manifest: Manifest) -> None:
        stored.append(await people.apply(manifest, REST_MANAGER))

    for kind, title in ((Kind.TEMPLATE, "declaring templates"), (Kind.DEVICE, "declaring devices")):
        some = [one for one in manifests if one["kind"] == kind]
        failures |= await each(title, some, apply)
    return stored, failures


async def check(people: People, manifests: Sequence[Manifest], namespace: str) -> Failures:
    """Have the API server judge manifests without storing them; answers what it refuses."""
    return await each("checking manifests", manifests, lambda one: people.check(one, namespace))


async def remove(people: People, keys: Sequence[Key]) -> Failures:
    """Ask for the deletion of resources, devices first; what is gone already is fine."""
    failures: Failures = {}

    async def delete(reference: Manifest) -> None:
        with suppress(NotFound):
            await people.delete(key_of(reference))

    for kind in (Kind.DEVICE, Kind.TEMPLATE):
        some = [_reference(key) for key in keys if key.kind is kind]
        failures |= await each("deleting", some, delete)
    return failures


def _reference(key: Key) -> Manifest:
    return {"kind": str(key.kind), "metadata": {"namespace": key.namespace, "name": key.name}}


async def each(
    title: str, manifests: Sequence[Manifest], act: Callable[[Manifest], Awaitable[object]]
) -> Failures:
    """Do something for each, several at once; answers what was refused."""
    turns, failures, done = asyncio.Semaphore(_AT_ONCE), Failures(), 0
    with bar(title, len(manifests)) as advance:

        async def one(manifest: Manifest) -> None:
            nonlocal done
            async with turns:
                try:
                    await _patiently(lambda: act(manifest))
                except (Refused, Conflict, Forbidden, NotFound) as error:
                    failures[key_of(manifest)] = error.message
            done += 1
            advance(done)

        await asyncio.gather(*map(one, manifests))
    return failures


async def _patiently(act: Callable[[], Awaitable[object]]) -> None:
    """Again after a pause while the API server is busy or away, some times."""
    backoff = Backoff()
    for _ in range(_TRIES - 1):
        try:
            await act()
        except ClusterUnavailable:
            await asyncio.sleep(backoff.next())
        else:
            return
    await act()
