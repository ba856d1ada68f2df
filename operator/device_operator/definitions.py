"""Is the definition of a kind (its CRD) being deleted, and every object with it? Asked before rows go.

Removing the chart or a CRD must not remove what people registered: then rows stay and nobody is told.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from device_registry.domain.errors import Forbidden
from device_registry.domain.model import Kind
from device_registry.ports import Cluster

log = structlog.get_logger()

_ENDING_SECONDS = 5.0
"""How long a yes is remembered: what ends stays so, but a kind that is gone may be installed again."""


@dataclass(frozen=True, slots=True)
class _Answer:
    ending: bool
    asked: float
    """When the question was put, on the clock."""


class Definitions:
    """Asks the API server, one question at a time for each kind, whose answer is for all that wait for it.

    A no that was given before an object was seen to go proves nothing for it, so it is not remembered.
    `clock` gives monotonic seconds.
    """

    def __init__(self, cluster: Cluster, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._asking = {kind: asyncio.Lock() for kind in Kind}
        self._answers: dict[Kind, _Answer] = {}
        self._told = False

    async def ending(self, kind: Kind) -> bool:
        """Whether the kind is being deleted or gone; False, logged once, where we may not ask.

        Raises ClusterUnavailable as the port Cluster does.
        """
        since = self._clock()
        async with self._asking[kind]:
            known = self._answers.get(kind)
            if known is None or known.asked < (since - _ENDING_SECONDS if known.ending else since):
                known = self._answers[kind] = _Answer(asked=self._clock(), ending=await self._ask(kind))
        return known.ending

    async def _ask(self, kind: Kind) -> bool:
        try:
            return await self._cluster.is_ending(kind)
        except Forbidden as error:
            if not self._told:
                self._told = True
                log.warning(
                    "cannot see whether the CRDs are being deleted; allow `get` on them, or their deletion"
                    " removes rows like any other",
                    error=error.message,
                )
            return False
