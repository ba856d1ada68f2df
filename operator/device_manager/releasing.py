"""Takes our finalizer off every Device and Template, and nothing else, for `device-manager release`.

An operator that is ending may still put a finalizer back: it is looked again until it is quiet for a while.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from device_registry.domain.errors import Conflict, NotFound
from device_registry.domain.model import Key, Kind
from device_registry.manifests import FINALIZER

_AT_ONCE = 16
"""Writes in flight: beyond that the API server only queues them."""
_LOOKS = 3
"""Looks that must find nothing, spread over the time of quiet."""


class Cluster(Protocol):
    """The part of the cluster that is needed here (`device_registry.ports.Cluster`)."""

    async def list(self, kind: Kind, namespace: str | None = None) -> list[dict[str, Any]]:
        """Metadata of every object of a kind; raises NotFound without the CRD."""

    async def set_finalizers(
        self, key: Key, finalizers: Sequence[str], resource_version: str
    ) -> dict[str, Any]:
        """Replace the finalizers; raises Conflict and NotFound."""


async def release(
    cluster: Cluster, namespaces: Sequence[str], quiet: float, tell: Callable[[int], None]
) -> int:
    """Take the finalizer off until none was found for `quiet` seconds; answers how many were taken off.

    `namespaces` empty means all. `tell` hears the number after every look that found some. Raises Forbidden
    and ClusterUnavailable.
    """
    total, calm = 0, 0
    while calm < _LOOKS:
        found = [key for kind in Kind for key in await _holding(cluster, kind, namespaces or [None])]
        total += await _take_off(cluster, found)
        calm = 0 if found else calm + 1
        if found:
            tell(total)
        if calm < _LOOKS:
            await asyncio.sleep(quiet / (_LOOKS - 1))
    return total


_Held = tuple[Key, Mapping[str, Any]]


async def _holding(cluster: Cluster, kind: Kind, namespaces: Sequence[str | None]) -> list[_Held]:
    """The objects that bear our finalizer, with their metadata."""
    try:
        metas = [one["metadata"] for within in namespaces for one in await cluster.list(kind, within)]
    except NotFound:
        return []
    held = [meta for meta in metas if FINALIZER in meta.get("finalizers", ())]
    return [(Key(kind, meta["namespace"], meta["name"]), meta) for meta in held]


async def _take_off(cluster: Cluster, held: Sequence[_Held]) -> int:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(key: Key, meta: Mapping[str, Any]) -> bool:
        others = [name for name in meta["finalizers"] if name != FINALIZER]
        async with gate:
            try:
                await cluster.set_finalizers(key, others, meta["resourceVersion"])
            except (Conflict, NotFound):
                return False  # changed or gone meanwhile: the next look tells
        return True

    return sum(await asyncio.gather(*(one(key, meta) for key, meta in held)))
