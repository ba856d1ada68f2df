"""Posts Kubernetes Events about transitions in the background; `statuses` tells it what it has written.

Events are a courtesy to people: when they come too fast or the API server refuses them they are dropped and
counted, and nothing else waits for them or fails because of them.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from device_registry.domain.errors import ClusterUnavailable, Forbidden, NotFound, Refused, RegistryError
from device_registry.manifests import event_manifest
from device_registry.ports import Cluster

from . import metrics
from .needs import AnyResource
from .transitions import transitions

log = structlog.get_logger()

WAITING = 1_000
"""Events that may wait: more than anybody reads, little enough to forget about memory."""

_CODES: Mapping[type[RegistryError], str] = {
    Refused: "422",
    NotFound: "404",
    Forbidden: "403",
    ClusterUnavailable: "503",
}


class Announcements:
    """See the module. Belongs to one event loop."""

    def __init__(self, cluster: Cluster, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(WAITING)

    def tell(self, resource: AnyResource, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """The status of a resource was changed so. Never waits, never raises."""
        for one in transitions(old, new):
            event = event_manifest(
                resource, type_=one.type, reason=one.reason, note=one.message, now=self._clock()
            )
            try:
                self._waiting.put_nowait(event)
            except asyncio.QueueFull:
                metrics.EVENTS_POSTED.labels(code="Dropped").inc()

    async def run(self) -> None:
        """Post what was told until cancelled."""
        while True:
            metrics.EVENTS_POSTED.labels(code=await self._post(await self._waiting.get())).inc()

    async def _post(self, event: Mapping[str, Any]) -> str:
        try:
            await self._cluster.post_event(event)
        except RegistryError as error:
            log.debug("an Event was not posted", reason=event["reason"], error=error.message)
            return _CODES.get(type(error), "other")
        return "201"
