"""Namespaces that are named in WATCH_NAMESPACES are looked at, since nobody watches them."""

import asyncio
from collections.abc import Mapping, Sequence
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
    """Polls namespaces without a pause worth speaking of."""

    def __init__(self, names: Sequence[str] = ("acme", "globex")) -> None:
        self.cluster = MemoryCluster()
        self.seen: list[tuple[str, str]] = []
        self.polling = NamespacePolling(self.cluster, names, self._note, seconds=0.001)

    def _note(self, event: Mapping[str, Any]) -> None:
        self.seen.append((event["type"], event["object"]["metadata"]["name"]))

    async def looks(self, times: int) -> list[tuple[str, str]]:
        """Run until so many looks were made, told or not."""
        task = asyncio.create_task(self.polling.run())
        wanted = self.cluster.calls["namespace"] + times
        await until(lambda: self.cluster.calls["namespace"] >= wanted)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return self.seen


async def test_every_namespace_is_looked_at_again_and_again_and_told_once() -> None:
    assert await Desk().looks(9) == [("MODIFIED", "acme"), ("MODIFIED", "globex")]


async def test_a_namespace_that_changes_is_told_again() -> None:
    desk = Desk()
    await desk.looks(3)
    desk.cluster.namespaces["globex"] = {"dojot.io/tenant": "cold"}
    assert (await desk.looks(5))[2:] == [("MODIFIED", "globex")]


async def test_a_namespace_that_is_absent_is_told_once_and_again_when_it_comes_and_goes() -> None:
    desk = Desk(["acme"])
    absent = [NotFound() for _ in range(10_000)]
    desk.cluster.failures["namespace"] = [*absent]
    assert await desk.looks(3) == [("DELETED", "acme")]
    desk.cluster.failures["namespace"] = []
    assert (await desk.looks(3))[1:] == [("MODIFIED", "acme")]
    desk.cluster.failures["namespace"] = [*absent]
    assert (await desk.looks(3))[2:] == [("DELETED", "acme")]


async def test_a_look_that_fails_is_made_again_and_stops_no_other() -> None:
    desk = Desk()
    desk.cluster.failures["namespace"] = [ClusterUnavailable(), Forbidden()]
    assert await desk.looks(5) == [("MODIFIED", "acme"), ("MODIFIED", "globex")]


async def test_a_look_that_fails_does_not_make_an_old_answer_new() -> None:
    desk = Desk(["acme"])
    await desk.looks(2)
    desk.cluster.failures["namespace"] = [ClusterUnavailable()]
    assert await desk.looks(3) == [("MODIFIED", "acme")]


async def test_what_has_not_changed_wakes_no_held_deletion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "LOOK_SECONDS", 0.01)
    async with operating(WATCH_NAMESPACES="acme", DELETION_BUDGET_COUNT=1) as it:
        keys = [it.cluster.put(a_device(f"freezer-{n}", "acme", templates=[])) for n in range(3)]
        for key in keys:
            await it.shows(key, "Published", "True")
        for key in keys:
            it.cluster.remove(key)
        await it.until(lambda: len(it.program._context.held) == 2)
        await it.settled()
        fetched, polls = it.cluster.calls["get"], it.cluster.calls["namespace"]
        await it.until(lambda: it.cluster.calls["namespace"] >= polls + 5)
        await it.settled()
        assert it.cluster.calls["get"] == fetched
        it.cluster.namespaces["acme"] = {"dojot.io/allow-mass-deletion": "2999-01-01T00:00:00Z"}
        await it.until(lambda: not any(key in it.cluster.objects for key in keys))


async def test_a_binding_that_changes_is_followed_without_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "LOOK_SECONDS", 0.01)
    async with operating(WATCH_NAMESPACES="acme", REQUIRE_TENANT_BINDING=True) as it:
        key = it.cluster.put(a_device(namespace="acme", templates=[]))
        await it.shows(key, "Ready", "False", "TenantConflict")
        it.cluster.namespaces["acme"] = {"dojot.io/tenant": "cold"}
        await it.shows(key, "Ready", "True")
