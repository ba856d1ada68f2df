"""The facade writes into namespaces that are bound to the tenant, and into no other."""

from collections.abc import Mapping
from typing import Any

import pytest

from device_api.namespaces import Namespaces, bindings
from device_api.problems import Problem
from device_registry.domain.errors import Conflict, NotFound
from device_registry.domain.model import Tenant
from device_registry.manifests import TENANT
from device_registry.settings import Settings


class FewNamespaces:
    """A cluster of nothing but namespaces."""

    def __init__(self, **tenants: str | None) -> None:
        self.looks = 0
        self.items: list[dict[str, Any]] = []
        for name, tenant in tenants.items():
            self._add(name.replace("_", "-"), {TENANT: tenant} if tenant else {})

    async def namespaces(self) -> dict[str, Any]:
        self.looks += 1
        return {"items": list(self.items)}

    async def namespace(self, name: str) -> dict[str, Any]:
        self.looks += 1
        found = [one for one in self.items if one["metadata"]["name"] == name]
        if not found:
            raise NotFound
        return found[0]

    async def create_namespace(self, name: str, annotations: Mapping[str, str]) -> dict[str, Any]:
        if any(one["metadata"]["name"] == name for one in self.items):
            raise Conflict
        return self._add(name, dict(annotations))

    def _add(self, name: str, annotations: dict[str, str]) -> dict[str, Any]:
        created = f"2026-01-01T00:00:{len(self.items):02}Z"
        meta = {"name": name, "annotations": annotations, "creationTimestamp": created}
        self.items.append({"metadata": meta})
        return self.items[-1]


def a_facade(cluster: FewNamespaces, mode: str = "existing", prefix: str = "") -> Namespaces:
    return Namespaces(cluster, Settings(TENANT_NAMESPACES=mode, TENANT_NAMESPACE_PREFIX=prefix))


async def test_a_bound_namespace_is_found_once_and_remembered() -> None:
    cluster = FewNamespaces(team_a="acme")
    namespaces = a_facade(cluster)
    assert [await namespaces.of(Tenant("acme")) for _ in range(3)] == ["team-a"] * 3
    assert cluster.looks == 1


async def test_a_namespace_of_the_tenants_name_that_nobody_bound_is_not_written_into() -> None:
    with pytest.raises(Problem) as problem:
        await a_facade(FewNamespaces(kube_system=None)).of(Tenant("kube-system"))
    assert problem.value.status == 403
    assert "kubectl annotate namespace" in problem.value.body["message"]


async def test_strangers_do_not_make_the_facade_look_again_and_again() -> None:
    cluster = FewNamespaces()
    namespaces = a_facade(cluster)
    for number in range(20):
        with pytest.raises(Problem):
            await namespaces.of(Tenant(f"stranger-{number}"))
    assert cluster.looks == 1


async def test_a_new_tenant_gets_a_namespace_where_that_is_wanted() -> None:
    cluster = FewNamespaces()
    namespaces = a_facade(cluster, "auto", "dojot-")
    assert await namespaces.of(Tenant("acme")) == "dojot-acme"
    assert await namespaces.of(Tenant("acme")) == "dojot-acme"
    assert [one["metadata"]["annotations"] for one in cluster.items] == [{TENANT: "acme"}]


async def test_an_existing_namespace_is_never_bound_to_a_tenant_that_merely_has_its_name() -> None:
    cluster = FewNamespaces(kube_system=None)
    name = await a_facade(cluster, "auto").of(Tenant("kube-system"))
    assert name.startswith("kube-system-")
    assert cluster.items[0]["metadata"]["annotations"] == {}


async def test_a_namespace_that_another_facade_just_made_is_taken() -> None:
    cluster = FewNamespaces()
    slow = a_facade(cluster, "auto")
    with pytest.raises(Problem):
        await a_facade(cluster).of(Tenant("acme"))
    await slow.of(Tenant("other"))
    await cluster.create_namespace("acme", {TENANT: "acme"})
    assert await slow.of(Tenant("acme")) == "acme"


async def test_what_is_in_a_namespace_that_is_not_bound_to_the_tenant_is_not_written() -> None:
    cluster = FewNamespaces(kube_system=None, team_a="acme", team_b="other")
    namespaces = a_facade(cluster, "auto")
    for tenant, name in (("kube-system", "kube-system"), ("acme", "team-b"), ("acme", "gone")):
        with pytest.raises(Problem, match=f"annotate namespace {name} {TENANT}={tenant}") as problem:
            await namespaces.check(Tenant(tenant), ["team-a", name] if tenant == "acme" else [name])
        assert problem.value.status == 403
    assert len(cluster.items) == 3


async def test_a_namespace_is_looked_at_once_for_many_resources() -> None:
    cluster = FewNamespaces(team_a="acme", kube_system=None)
    namespaces = a_facade(cluster)
    for _ in range(20):
        await namespaces.check(Tenant("acme"), ["team-a"])
        with pytest.raises(Problem):
            await namespaces.check(Tenant("kube-system"), ["kube-system"])
    assert cluster.looks == 2


async def test_what_is_in_a_younger_or_dying_namespace_of_the_tenant_may_still_be_deleted() -> None:
    cluster = FewNamespaces(first="acme", second="acme", dying="acme")
    cluster.items[2]["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    await a_facade(cluster).check(Tenant("acme"), ["first", "second", "dying"])


def test_of_several_namespaces_the_oldest_stands_for_the_tenant_and_a_dying_one_for_none() -> None:
    cluster = FewNamespaces(gone="acme", first="acme", second="acme")
    cluster.items[0]["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    assert bindings(reversed(cluster.items)) == {"acme": "first"}
