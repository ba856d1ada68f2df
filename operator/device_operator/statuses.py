"""Writes the status of resources: bounded, only when it says something new, and told apart from its echo.

Workers write through it; the intake asks it whether an event is only the echo of such a write.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from device_registry.domain.errors import (
    ClusterUnavailable,
    Conflict,
    Forbidden,
    NotFound,
    Refused,
    RegistryError,
)
from device_registry.domain.model import Key
from device_registry.faultpoints import Point, reached
from device_registry.ports import Cluster

from . import metrics
from .needs import AnyResource, Mark, mark

CONCURRENT_WRITES = 32
"""As many as an API server handles for one client without making others wait."""

_CODES: Mapping[type[RegistryError], str] = {
    Refused: "422",
    Forbidden: "403",
    Conflict: "409",
    ClusterUnavailable: "503",
}


Tell = Callable[[AnyResource, Mapping[str, Any], Mapping[str, Any]], None]
"""Hears of each write: the resource, its status before and after."""


class Written(NamedTuple):
    """The last status that was written to a resource, and the version that it made."""

    version: int
    mark: Mark
    status: Mapping[str, Any]


class StatusWriter:
    """See the module. Remembers a write until an event shows it, so memory is bounded by the echo's delay."""

    def __init__(self, cluster: Cluster, tell: Tell = lambda *_: None) -> None:
        self._cluster = cluster
        self._tell = tell
        self._slots = asyncio.Semaphore(CONCURRENT_WRITES)
        self._written: dict[Key, Written] = {}

    async def write(self, resource: AnyResource, status: Mapping[str, Any]) -> None:
        """Make the object show this status; nothing is sent when it does already, or when it is gone.

        A status is made from the one before it, so it is written onto the version that showed that one: an
        object that somebody has written since is a Conflict, and is looked at anew.

        Raises ClusterUnavailable, Conflict, Refused and Forbidden as the port Cluster does.
        """
        shown = self.current(resource).status
        if _shows(shown, status):
            metrics.STATUS_WRITES.labels(code="Skipped").inc()
            return
        try:
            async with self._slots:
                reached(Point.BEFORE_STATUS)
                with metrics.STATUS_WRITE_SECONDS.time():
                    stored = await self._cluster.patch_status(resource.key, status, self._version(resource))
                reached(Point.AFTER_STATUS)
        except NotFound:
            metrics.STATUS_WRITES.labels(code="404").inc()
            self._written.pop(resource.key, None)
        except RegistryError as error:
            metrics.STATUS_WRITES.labels(code=_CODES.get(type(error), "other")).inc()
            raise
        else:
            metrics.STATUS_WRITES.labels(code="200").inc()
            self._remember(resource, stored)
            self._tell(resource, shown, stored.get("status") or {})

    def current(self, resource: Any) -> Any:
        """The resource with the status that was written since it was seen."""
        written = self._written.get(resource.key)
        if written is None or int(resource.resource_version) >= written.version:
            return resource
        return replace(resource, status=written.status)

    def _version(self, resource: AnyResource) -> str:
        """The version that shows the current status."""
        written = self._written.get(resource.key)
        newer = written is not None and written.version > int(resource.resource_version)
        return str(written.version) if written and newer else resource.resource_version

    def is_echo(self, resource: AnyResource) -> bool:
        """Whether this version is one that the last write came after, and asks for nothing else.

        An edit that slipped in before the write has an older version as well, but another mark.
        """
        written = self._written.get(resource.key)
        if written is None:
            return False
        return int(resource.resource_version) <= written.version and mark(resource) == written.mark

    def seen(self, key: Key, version: int) -> None:
        """An event has shown that version: a write up to there needs no remembering any more."""
        written = self._written.get(key)
        if written and written.version <= version:
            del self._written[key]

    def _remember(self, resource: AnyResource, stored: Mapping[str, Any]) -> None:
        version = int(stored["metadata"]["resourceVersion"])
        self._written[resource.key] = Written(version, mark(resource), stored.get("status") or {})


def _shows(shown: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a merge of the wanted status would change nothing; null stands for absence."""
    return all(shown.get(name) == value for name, value in wanted.items())
