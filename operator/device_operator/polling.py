"""Looks at the served namespaces from time to time, where they are named and so are not watched.

kopf watches namespaces only when it serves all of them: a Role cannot allow the watch. What an administrator
annotates would otherwise be seen at the next start only. `program` runs it when WATCH_NAMESPACES is set.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from device_registry.domain.errors import NotFound, RegistryError
from device_registry.ports import Cluster

from .intake import DELETED

log = structlog.get_logger()

LOOK_SECONDS = 10.0
"""Between two looks: an administrator who annotates a namespace waits that long."""


class NamespacePolling:
    """See the module. `seen` hears of each namespace as a watch would tell it: once, and when it changes."""

    def __init__(
        self,
        cluster: Cluster,
        names: Sequence[str],
        seen: Callable[[Mapping[str, Any]], None],
        seconds: float,
    ) -> None:
        self._cluster = cluster
        self._names = names
        self._seen = seen
        self._seconds = seconds
        self._latest: dict[str, Mapping[str, Any]] = {}
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            for name in self._names:
                await self._look(name)
            await asyncio.sleep(self._seconds)

    async def _look(self, name: str) -> None:
        try:
            event = {"type": "MODIFIED", "object": await self._cluster.namespace(name)}
        except NotFound:
            event = {"type": DELETED, "object": {"metadata": {"name": name}}}
        except RegistryError as error:
            self._tell(name, error.message)
            return
        self._tell(name, "")
        if event != self._latest.get(name):
            self._latest[name] = event
            self._seen(event)

    def _tell(self, name: str, trouble: str) -> None:
        """One line for each new trouble, however often it comes."""
        if trouble and self._told.get(name) != trouble:
            log.warning("cannot look at a namespace, will try again", namespace=name, error=trouble)
        self._told[name] = trouble
