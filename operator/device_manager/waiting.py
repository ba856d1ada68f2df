"""Waits until the operator has dealt with resources: after `import` and `unclaimed adopt`."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from device_registry.domain.errors import NotFound
from device_registry.domain.model import Key, Kind
from device_registry.manifests import key_of

from .cluster import People
from .standing import Standing, standing

_FEW: Final = 10
"""So many resources are asked for one by one; more are listed."""
_PAUSE_SECONDS: Final = 0.25
"""Between two looks; the operator needs less for a resource, and more for a fleet."""
_SLOWEST_SECONDS: Final = 2.0
"""Between two looks at a large fleet, whose list costs something."""

Progress = Callable[[int], None]
"""Is told how many resources are dealt with."""


_GONE: Final = Standing(ready=False, reason="NotFound", message="the resource is gone", published=False)


async def settled(
    people: People, keys: Collection[Key], seconds: float, progress: Progress = lambda _: None
) -> dict[Key, Standing]:
    """Wait until each is Ready or Stalled, or time is over; answers where those are that are not Ready."""
    deadline = time.monotonic() + seconds
    waiting = dict.fromkeys(keys, _GONE)
    while True:
        began = time.monotonic()
        waiting |= await _look(people, [key for key, one in waiting.items() if not one.stalled])
        waiting = {key: one for key, one in waiting.items() if not one.ready}
        progress(len(keys) - len(waiting))
        if time.monotonic() > deadline or all(one.stalled for one in waiting.values()):
            return waiting
        took = time.monotonic() - began
        await asyncio.sleep(min(max(_PAUSE_SECONDS, 2 * took), _SLOWEST_SECONDS))


async def _look(people: People, keys: Sequence[Key]) -> dict[Key, Standing]:
    groups: dict[tuple[Kind, str], set[Key]] = defaultdict(set)
    for key in keys:
        groups[key.kind, key.namespace].add(key)
    found = dict.fromkeys(keys, _GONE)
    for (kind, namespace), some in groups.items():
        found |= {key_of(obj): standing(obj) for obj in await _group(people, kind, namespace, some)}
    return found


async def _group(people: People, kind: Kind, namespace: str, keys: set[Key]) -> list[dict[str, Any]]:
    if len(keys) > _FEW:
        return [obj async for obj in people.objects(kind, namespace) if key_of(obj) in keys]
    answers = [await _get(people, key) for key in keys]
    return [obj for obj in answers if obj]


async def _get(people: People, key: Key) -> dict[str, Any] | None:
    try:
        return await people.get(key)
    except NotFound:
        return None
