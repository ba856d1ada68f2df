"""What the operator does about tenants whose namespaces vanish without anybody being told."""

from typing import Any

import pytest

from device_registry.domain.errors import Forbidden, NotFound
from device_registry.domain.model import Kind
from tests.support.manifests import a_device
from tests.support.operating import Operating, operating

TENANT = {"dojot.io/tenant": "cold"}
OLD = a_device("freezer-1", "old", templates=[])
NEW = a_device("freezer-2", "new", templates=[])


async def two_namespaces(it: Operating) -> None:
    """Two that are bound to one tenant, which the first has."""
    it.cluster.namespaces |= {"old": TENANT, "new": TENANT}
    await it.shows(it.cluster.put(OLD), "Published", "True")
    await it.settled()


def goes(it: Operating, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server does not know the namespace and what was in it any more; no event says so."""
    known = it.cluster.namespace

    async def absent(name: str) -> dict[str, Any]:
        if name == namespace:
            raise NotFound
        return await known(name)

    monkeypatch.setattr(it.cluster, "namespace", absent)
    for key in [key for key in it.cluster.objects if key.namespace == namespace]:
        del it.cluster.objects[key]


async def test_who_is_refused_a_tenant_has_it_once_the_sweep_has_found_the_rows_of_another_without_resources(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with operating(SWEEP_INTERVAL_SECONDS=0.05) as it:
        await two_namespaces(it)
        goes(it, "old", monkeypatch)
        refused = it.cluster.put(NEW)
        await it.shows(refused, "Ready", "False", "TenantConflict")
        await it.settled()
        it.program.sweeping.begin()
        await it.shows(refused, "Ready", "True")


async def test_a_namespace_whose_end_was_not_told_keeps_no_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    async with operating() as it:
        await two_namespaces(it)
        (old,) = it.cluster.objects
        it.cluster.remove(old)
        await it.until(lambda: old not in it.cluster.objects)
        await it.settled()
        goes(it, "old", monkeypatch)
        await it.shows(it.cluster.put(NEW), "Ready", "True")


async def test_a_namespace_that_may_not_be_listed_any_more_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with operating(WATCH_NAMESPACES="old,new") as it:
        await two_namespaces(it)
        (old,) = it.cluster.objects
        refused = it.cluster.put(NEW)
        await it.shows(refused, "Ready", "False", "TenantConflict")
        listed = it.cluster.list

        async def guarded(kind: Kind, namespace: str | None = None) -> list[dict[str, Any]]:
            if namespace == "old":
                raise Forbidden
            return await listed(kind, namespace)

        monkeypatch.setattr(it.cluster, "list", guarded)
        gone = {"type": "DELETED", "object": {"metadata": {"name": "old"}}}
        it.program.intake.namespace_seen(gone)
        it.cluster.remove(old)
        await it.until(lambda: old not in it.cluster.objects)
        goes(it, "old", monkeypatch)
        it.program.intake.namespace_seen(gone)
        await it.shows(refused, "Ready", "True")
