"""Writes over REST whose answer got lost on the way from the API server, so that they are made twice."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from device_api import asking, removing, writes
from device_api.asking import Asked
from device_api.context import Context
from device_api.problems import Problem
from device_registry.domain.errors import Conflict
from device_registry.domain.model import DeviceSpec, Key, Kind, Tenant
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.manifests import FINALIZER, REST_MANAGER
from device_registry.settings import Settings
from tests.support.cluster import MemoryCluster
from tests.support.manifests import a_device

DEVICE = Key(Kind.DEVICE, "acme", "device-a1")
GUARDED = [FINALIZER]


class Unsteady(MemoryCluster):
    """Its answers get lost, and the HTTP client asks once more, as aiohttp does for DELETE and PUT."""

    async def replace(self, obj: Mapping[str, Any], manager: str) -> dict[str, Any]:
        await super().replace(obj, manager)
        return await super().replace(obj, manager)

    async def delete(self, key: Key, *, uid: str | None = None, resource_version: str | None = None) -> None:
        await super().delete(key, uid=uid, resource_version=resource_version)
        await super().delete(key, uid=uid, resource_version=resource_version)


@dataclass
class Registry:
    """Waiter and reader of a facade, as far as deletions ask them."""

    last: str = ""
    """The request that the last event tells of."""
    reason: Reason = Reason.REGISTERED
    """What the operator says about a change."""

    async def ready(self) -> None:
        """An operator is at work."""

    async def wait_gone(self, tenant: Tenant, key: Key, uid: str, *, patient: bool) -> None:
        """The row is gone."""

    async def wait_changed(self, tenant: Tenant, key: Key, uid: str, generation: int) -> Outcome:
        return Outcome(key=key, tenant=tenant, uid=uid, generation=generation, reason=self.reason)

    async def last_request(self, tenant: Tenant, subject: str) -> str:
        return self.last if (tenant, subject) == ("acme", "a1") else ""


@pytest.fixture
def cluster() -> Unsteady:
    return Unsteady()


def put(cluster: MemoryCluster, finalizers: list[str]) -> str:
    cluster.put(a_device("device-a1", "acme"), finalizers=finalizers)
    cluster.objects[DEVICE]["metadata"]["managedFields"] = [{"manager": REST_MANAGER, "operation": "Update"}]
    return str(cluster.objects[DEVICE]["metadata"]["uid"])


def asked(cluster: MemoryCluster, registry: Registry) -> Context:
    """What a request works with."""
    asking.begin(Asked(id="mine", tenant=Tenant("acme")))
    parts: Any = {"settings": Settings(), "cluster": cluster, "waiter": registry, "reader": registry}
    return Context(
        **parts,
        undertakings=cast("Any", None),
        turns=cast("Any", None),
        namespaces=cast("Any", None),
        vault=None,
    )


async def remove(cluster: MemoryCluster, uid: str, registry: Registry) -> None:
    await removing.remove(asked(cluster, registry), DEVICE, uid, "/device/a1")


def attach(spec: DeviceSpec) -> DeviceSpec:
    """An edit that can be made only once."""
    assert "attached" not in spec.templates
    return replace(spec, templates=(*spec.templates, "attached"))


async def test_a_change_that_was_carried_out_before_it_was_repeated_is_ours(cluster: Unsteady) -> None:
    uid = put(cluster, GUARDED)
    outcome = await writes.change(asked(cluster, Registry()), DEVICE, uid, attach, "/device/a1")
    assert outcome.generation == 2


async def test_a_repeated_change_that_the_operator_refuses_is_put_back(cluster: Unsteady) -> None:
    uid = put(cluster, GUARDED)
    before = cluster.objects[DEVICE]["spec"]
    context = asked(cluster, Registry(reason=Reason.TEMPLATE_NOT_FOUND))
    with pytest.raises(Problem):
        await writes.change(context, DEVICE, uid, attach, "/device/a1")
    assert cluster.objects[DEVICE]["spec"] == before


async def test_a_deletion_that_was_carried_out_before_it_was_repeated_is_ours(cluster: Unsteady) -> None:
    uid = put(cluster, GUARDED)
    await remove(cluster, uid, Registry())
    assert "deletionTimestamp" in cluster.objects[DEVICE]["metadata"]


async def test_a_deletion_that_left_nothing_to_be_repeated_is_ours_if_kafka_hears_so(
    cluster: Unsteady,
) -> None:
    uid = put(cluster, [])
    await remove(cluster, uid, Registry(last="mine"))
    assert DEVICE not in cluster.objects


async def test_a_deletion_that_another_request_was_faster_with_is_answered_404(cluster: Unsteady) -> None:
    uid = put(cluster, [])
    with pytest.raises(Problem, match="No such device: a1"):
        await remove(cluster, uid, Registry(last="another"))


async def test_a_device_that_another_request_is_deleting_is_answered_404() -> None:
    cluster = MemoryCluster()
    uid = put(cluster, GUARDED)
    cluster.failures["delete"] = [Conflict("meanwhile")]
    cluster.listeners.append(lambda event: _deleted_by_another(cluster))
    with pytest.raises(Problem, match="No such device: a1"):
        await remove(cluster, uid, Registry(last="mine"))


def _deleted_by_another(cluster: MemoryCluster) -> None:
    """Another request signs and deletes as soon as this one has signed."""
    cluster.listeners.clear()
    cluster.put(a_device("device-a1", "acme"), annotations={"dojot.io/request": '{"id": "another"}'})
    cluster.remove(DEVICE)
