"""Leases in memory, as the API server keeps them: versions, conflicts, and failures that a test asks for."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from device_registry.domain.errors import Conflict, NotFound, RegistryError


class MemoryLeases:
    """One store for all candidates. While `away` is set every request fails with it."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] | None = None
        self.away: RegistryError | None = None
        self.requests = 0
        self._version = 0

    @property
    def spec(self) -> dict[str, Any]:
        assert self.stored is not None
        spec: dict[str, Any] = self.stored["spec"]
        return spec

    def touch(self) -> None:
        """Somebody changes something that is not about the lead, such as a label."""
        assert self.stored is not None
        self._store(self.stored)

    async def lease(self, namespace: str, name: str) -> dict[str, Any]:
        self._answer()
        if self.stored is None:
            raise NotFound
        return deepcopy(self.stored)

    async def create_lease(self, namespace: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        self._answer()
        if self.stored is not None:
            raise Conflict
        return self._store({"metadata": {"namespace": namespace, "name": name}, "spec": dict(spec)})

    async def replace_lease(self, lease: Mapping[str, Any]) -> dict[str, Any]:
        self._answer()
        if self.stored is None:
            raise NotFound
        if lease["metadata"]["resourceVersion"] != self.stored["metadata"]["resourceVersion"]:
            raise Conflict
        return self._store(dict(lease))

    def _answer(self) -> None:
        self.requests += 1
        if self.away:
            raise self.away

    def _store(self, lease: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        stored = deepcopy(lease)
        stored["metadata"]["resourceVersion"] = str(self._version)
        self.stored = stored
        return deepcopy(stored)
