"""Which tenant a namespace stands for."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from device_operator.namespaces import Namespaces
from device_registry.domain.errors import ClusterUnavailable, NotFound
from device_registry.domain.model import Key, Kind, Tenant, TenantClaim
from tests.support.builders import NOON
from tests.support.cluster import MemoryCluster

KEY = Key(Kind.DEVICE, "acme", "freezer-7")
TENANT = "dojot.io/tenant"


class Desk:
    def __init__(self, *, explicit_only: bool = False) -> None:
        self.cluster = MemoryCluster()
        self.changed: list[str] = []
        self.namespaces = Namespaces(self.cluster, self.changed.append, explicit_only=explicit_only)

    def annotate(self, annotations: dict[str, str]) -> None:
        self.namespaces.seen({"metadata": {"name": "acme", "annotations": annotations}})


async def test_a_namespace_stands_for_the_tenant_of_its_own_name() -> None:
    assert (await Desk().namespaces.of(KEY)).tenant == "acme"


async def test_an_annotation_binds_a_namespace_to_another_tenant() -> None:
    desk = Desk()
    desk.annotate({TENANT: "cold.Chain_1"})
    assert (await desk.namespaces.of(KEY)).tenant == "cold.Chain_1"


async def test_where_bindings_are_required_a_namespace_without_one_stands_for_nobody() -> None:
    desk = Desk(explicit_only=True)
    binding = await desk.namespaces.of(KEY)
    assert binding.tenant is None
    assert TENANT in binding.problem


@pytest.mark.parametrize("name", ["-x", "a b", "a/b", "x" * 129, "a\n", "é"])
async def test_a_tenant_that_cannot_be_a_topic_is_refused_by_name(name: str) -> None:
    desk = Desk()
    desk.annotate({TENANT: name})
    binding = await desk.namespaces.of(KEY)
    assert binding.tenant is None
    assert name in binding.problem


async def test_a_namespace_is_fetched_once_and_then_followed_by_events() -> None:
    desk = Desk()
    await desk.namespaces.of(KEY)
    await desk.namespaces.of(KEY)
    assert desk.cluster.calls["namespace"] == 1
    desk.annotate({TENANT: "other"})
    assert (await desk.namespaces.of(KEY)).tenant == "other"


async def test_a_namespace_that_could_not_be_fetched_is_asked_for_again() -> None:
    desk = Desk()
    desk.cluster.failures["namespace"] = [ClusterUnavailable()]
    with pytest.raises(ClusterUnavailable):
        await desk.namespaces.of(KEY)
    assert (await desk.namespaces.of(KEY)).tenant == "acme"


async def test_a_namespace_is_told_of_when_its_tenant_or_its_right_to_it_changes_and_only_then() -> None:
    desk = Desk(explicit_only=True)
    await desk.namespaces.of(KEY)
    desk.annotate({})
    assert desk.changed == []
    desk.annotate({TENANT: "acme"})
    desk.annotate({TENANT: "acme", "another": "annotation"})
    assert desk.changed == ["acme"]
    desk.namespaces.gone("acme")
    assert desk.changed == ["acme", "acme"]


async def test_a_namespace_claims_its_tenant_with_its_age_and_no_other_tenant() -> None:
    desk = Desk()
    created = "2026-01-01T12:00:00Z"
    desk.namespaces.seen({"metadata": {"name": "acme", "creationTimestamp": created}})
    claim = await desk.namespaces.claim("acme", Tenant("acme"))
    assert claim == TenantClaim(namespace="acme", since=NOON)
    assert await desk.namespaces.claim("acme", Tenant("other")) is None


async def test_what_was_missed_shows_when_the_cluster_is_asked_anew_and_is_told_once() -> None:
    desk = Desk()
    await desk.namespaces.of(KEY)
    desk.cluster.namespaces["acme"] = {TENANT: "other"}
    assert await desk.namespaces.claim("acme", Tenant("acme")) is not None
    assert await desk.namespaces.claim_now("acme", Tenant("acme")) is None
    assert desk.changed == ["acme"]
    desk.cluster.failures["namespace"] = [NotFound(), NotFound()]
    for _ in range(2):
        assert await desk.namespaces.claim_now("acme", Tenant("other")) is None
    assert desk.changed == ["acme", "acme"]


@pytest.mark.parametrize("ask", [Namespaces.claim, Namespaces.claim_now])
async def test_an_event_that_comes_before_an_older_answer_stays(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[..., Awaitable[object]]
) -> None:
    desk = Desk()
    answer = await desk.cluster.namespace("acme")

    async def overtaken(_: str) -> dict[str, Any]:
        desk.annotate({TENANT: "new"})
        return answer

    monkeypatch.setattr(desk.cluster, "namespace", overtaken)
    await ask(desk.namespaces, "acme", Tenant("acme"))
    assert (await desk.namespaces.of(KEY)).tenant == "new"


async def test_a_namespace_that_is_gone_claims_nothing() -> None:
    desk = Desk()
    desk.cluster.failures["namespace"] = [NotFound()]
    assert await desk.namespaces.claim("acme", Tenant("acme")) is None
