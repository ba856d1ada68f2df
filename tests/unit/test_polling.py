"""Namespaces that are named in WATCH_NAMESPACES are looked at, since nobody watches them."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from device_operator import polling
from device_operator.polling import NamespacePolling
from device_registry.domain.errors import ClusterUnavailable, Forbidden, NotFound
from tests.support.cluster import MemoryCluster
from tests.support.manifests import a_device
from tests.support.operating import operating
from tests.support.until import until


class Desk:
    """Polls two namespaces without a pause worth speaking of."""

    def __init__(self) -> None:
        self.cluster = MemoryCluster()
        self.seen: list[tuple[str, str]] = []
        self.polling = NamespacePolling(self.cluster, ["acme", "globex"], self._note, seconds=0.001)

    def _note(self, event: Mapping[str, Any]) -> None:
        self.seen.append((event["type"], event["object"]["metadata"]["name"]))

    async def looks(self, times: int) -> list[tuple[str, str]]:
        """Run until so many looks were made, told or not."""
        task = asyncio.create_task(self.polling.run())
        await until(lambda: self.cluster.calls["namespace"] >= times)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return self.seen


async def test_every_namespace_is_looked_at_again_and_again() -> None:
    seen = await Desk().looks(5)
    assert seen[:4] == [("MODIFIED", "acme"), ("MODIFIED", "globex")] * 2


async def test_a_namespace_that_is_gone_is_told_as_gone() -> None:
    desk = Desk()
    desk.cluster.failures["namespace"] = [NotFound()]
    assert (await desk.looks(3))[0] == ("DELETED", "acme")


async def test_a_look_that_fails_is_made_again_and_stops_no_other() -> None:
    desk = Desk()
    desk.cluster.failures["namespace"] = [ClusterUnavailable(), Forbidden()]
    assert (await desk.looks(5))[:2] == [("MODIFIED", "acme"), ("MODIFIED", "globex")]


async def test_a_binding_that_changes_is_followed_without_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "LOOK_SECONDS", 0.01)
    async with operating(WATCH_NAMESPACES="acme", REQUIRE_TENANT_BINDING=True) as it:
        key = it.cluster.put(a_device(namespace="acme", templates=[]))
        await it.shows(key, "Ready", "False", "TenantConflict")
        it.cluster.namespaces["acme"] = {"dojot.io/tenant": "cold"}
        await it.shows(key, "Ready", "True")
