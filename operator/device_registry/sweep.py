"""Compares the cluster with the registry and finds what events have missed or people have changed by hand.

The operator runs a `Sweep` at start and then from time to time. It looks, and unclaims rows whose resource is
provably gone; everything else that differs it names, and a worker looks into it. A settled fleet costs a list
and a few statements, and no write.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .domain.errors import ClusterUnavailable, NotFound
from .domain.model import Key, Kind
from .manifests.sighting import Sighting, sighting
from .ports import Cluster, Holding, Registry
from .reconcile.absence import unclaim

PAGE = 2000
"""Rows in one read of the registry: a read of 10,000 devices is over within a few statements."""
CONFIRMATIONS = 16
"""Missing objects that are asked for at once: half of what the API server handles for one client."""
UNCLAIMED_AT_ONCE = 500
"""Rows in one transaction, so that nobody waits long for their locks."""


class Difference(StrEnum):
    """What a worker must look into; the comment is the sentence for people."""

    UNKNOWN = "Unknown"
    """Nothing was decided about the object yet."""
    RECREATED = "Recreated"
    """What was decided is about an earlier object of that name."""
    BEHIND = "Behind"
    """What was decided is about an earlier generation."""
    UNGUARDED = "Unguarded"
    """Our finalizer is missing."""
    DELETING = "Deleting"
    """The object is being deleted and waits for us."""
    DRIFTED = "Drifted"
    """The row was changed or deleted behind our back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What one sweep over a kind came to."""

    differences: Mapping[Key, Difference]
    """Objects for a worker."""
    paused: Collection[Key] = ()
    """Paused objects whose row has drifted: they are told so, and not repaired."""
    unclaimed: Collection[Key] = ()
    """Resources that were gone; their rows have none behind them now."""
    wake: Collection[Key] = ()
    """Resources that may get further because of that."""
    present: Collection[Key] = field(default=(), compare=False)
    """All objects."""


class Sweep:
    """See the module. `namespaces` are those that are served; none means all."""

    def __init__(
        self,
        registry: Registry,
        cluster: Cluster,
        namespaces: Collection[str],
        clock: Callable[[], datetime],
    ) -> None:
        self._registry = registry
        self._cluster = cluster
        self._namespaces = frozenset(namespaces)
        self._clock = clock

    async def run(self, kind: Kind) -> Findings:
        """Compare all objects of a kind with the registry.

        A list that fails anywhere raises as the port Cluster does, and nothing has been changed then. May
        also raise RegistryUnavailable and Fenced.
        """
        seen = await self._seen(kind)
        # Read after the list: what has been registered meanwhile is confirmed below, and never lost.
        held = await asyncio.to_thread(self._held, kind)
        gone = await self._gone(kind, [held[key] for key in sorted(held.keys() - seen.keys())])
        wake = await self._unclaim(gone)
        differences = {key: found for key, one in seen.items() if (found := difference(one, held.get(key)))}
        paused = {key for key in differences if seen[key].paused and not seen[key].deleting}
        return Findings(
            differences={key: found for key, found in differences.items() if key not in paused},
            paused=paused,
            unclaimed=[one.key for one in gone if one.row],
            wake=wake,
            present=seen.keys(),
        )

    def unclaimed(self) -> dict[Kind, int]:
        """How many rows no resource stands behind. May raise RegistryUnavailable."""
        return self._registry.unclaimed()

    # --- look -------------------------------------------------------------------------------------------

    async def _seen(self, kind: Kind) -> dict[Key, Sighting]:
        within: list[str | None] = [*sorted(self._namespaces)] or [None]
        lists = [await self._cluster.list(kind, one) for one in within]
        found = (sighting(kind, obj) for objects in lists for obj in objects)
        return {one.key: one for one in found}

    def _held(self, kind: Kind) -> dict[Key, Holding]:
        held: dict[Key, Holding] = {}
        after = ("", "")
        while page := self._registry.holdings(kind, after, PAGE):
            after = (page[-1].key.namespace, page[-1].key.name)
            held |= {one.key: one for one in page if self._serves(one.key.namespace)}
        return held

    def _serves(self, namespace: str) -> bool:
        return not self._namespaces or namespace in self._namespaces

    # --- absence ----------------------------------------------------------------------------------------

    async def _gone(self, kind: Kind, suspects: Sequence[Holding]) -> list[Holding]:
        """Those that the API server says are not there, each asked for alone, while it knows their kind."""
        gone: list[Holding] = []
        for some in _parts(suspects, CONFIRMATIONS):
            answers = await _all(self._is_missing(one.key) for one in some)
            gone += [one for one, missing in zip(some, answers, strict=True) if missing]
        return gone if gone and await self._cluster.serves(kind) else []

    async def _is_missing(self, key: Key) -> bool:
        try:
            await self._cluster.get(key)
        except NotFound:
            return True
        return False

    async def _unclaim(self, gone: Sequence[Holding]) -> list[Key]:
        wake: list[Key] = []
        for some in _parts(gone, UNCLAIMED_AT_ONCE):
            wake += await asyncio.to_thread(unclaim, self._registry, some, self._clock())
        return wake


async def _all(questions: Iterable[Awaitable[bool]]) -> list[bool]:
    """All answers, or the first error. One that was cut off by others is an error, and no wish to stop."""
    answers = await asyncio.gather(*questions, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, asyncio.CancelledError):
            raise ClusterUnavailable("the requests were cut off") from answer
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if isinstance(answer, bool)]


def difference(seen: Sighting, held: Holding | None) -> Difference | None:
    """What must be looked into about one object; None when the registry shows it as it is.

    While an object is paused only its drift matters; one that is being deleted only waits for our finalizer.
    """
    if seen.deleting:
        return Difference.DELETING if seen.guarded else None
    drifted = held is not None and _has_drifted(held)
    if seen.paused or drifted:
        return Difference.DRIFTED if drifted else None
    return _unsettled(seen, held)


def _has_drifted(held: Holding) -> bool:
    return not held.intact or (held.registered and not held.row)


def _unsettled(seen: Sighting, held: Holding | None) -> Difference | None:
    if held is None or not held.uid:
        return Difference.UNKNOWN
    if held.uid != seen.uid:
        return Difference.RECREATED
    if held.generation < seen.generation:
        return Difference.BEHIND
    return None if seen.guarded else Difference.UNGUARDED


def _parts(holdings: Sequence[Holding], size: int) -> list[Sequence[Holding]]:
    return [holdings[start : start + size] for start in range(0, len(holdings), size)]
