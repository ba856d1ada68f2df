"""Which tenant a namespace stands for."""

import pytest

from device_operator.namespaces import Namespaces
from device_registry.domain.errors import ClusterUnavailable
from device_registry.domain.model import DeletionPolicy, Key, Kind
from tests.support.cluster import MemoryCluster

KEY = Key(Kind.DEVICE, "acme", "freezer-7")
TENANT = "dojot.io/tenant"
POLICY = "dojot.io/deletion-policy"


class Desk:
    def __init__(self, *, explicit_only: bool = False) -> None:
        self.cluster = MemoryCluster()
        self.woken: list[Key] = []
        self.namespaces = Namespaces(self.cluster, self.woken.append, explicit_only=explicit_only)

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


async def test_resources_that_were_refused_are_woken_once_their_namespace_is_bound() -> None:
    desk = Desk(explicit_only=True)
    await desk.namespaces.of(KEY)
    desk.annotate({})
    assert desk.woken == []
    desk.annotate({TENANT: "acme"})
    desk.annotate({TENANT: "acme"})
    assert desk.woken == [KEY]


@pytest.mark.parametrize(
    ("annotation", "policy"),
    [
        ({}, DeletionPolicy.DELETE),
        ({POLICY: "Retain"}, DeletionPolicy.RETAIN),
        ({POLICY: "Delete"}, DeletionPolicy.DELETE),
        ({POLICY: "delte"}, DeletionPolicy.RETAIN),
    ],
)
async def test_a_policy_that_nobody_understands_keeps_rows(
    annotation: dict[str, str], policy: DeletionPolicy
) -> None:
    desk = Desk()
    desk.annotate(annotation)
    assert (await desk.namespaces.of(KEY)).policy is policy
