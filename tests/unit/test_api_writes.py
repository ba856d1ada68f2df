"""Deletions over REST whose answer got lost on the way from the API server."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from device_api import asking, writes
from device_api.asking import Asked
from device_api.context import Context
from device_api.problems import Problem
from device_registry.domain.errors import Conflict
from device_registry.domain.model import Key, Kind, Tenant
from device_registry.manifests import FINALIZER, REST_MANAGER
from device_registry.settings import Settings
from tests.support.cluster import MemoryCluster
from tests.support.manifests import a_device

DEVICE = Key(Kind.DEVICE, "acme", "device-a1")
GUARDED = [FINALIZER]


class Unsteady(MemoryCluster):
    """Its answer to a deletion gets lost, and the HTTP client asks once more, as aiohttp does for DELETE."""

    async def delete(self, key: Key, *, uid: str | None = None, resource_version: str | None = None) -> None:
        await super().delete(key, uid=uid, resource_version=resource_version)
        await super().delete(key, uid=uid, resource_version=resource_version)


@dataclass
class Registry:
    """Waiter and reader of a facade, as far as deletions ask them."""

    last: str = ""
    """The request that the last event tells of."""
    gone: list[str] = field(default_factory=list)

    async def ready(self) -> None:
        """An operator is at work."""

    async def wait_gone(self, tenant: Tenant, key: Key, uid: str, *, patient: bool) -> None:
        self.gone.append(uid)

    async def last_request(self, tenant: Tenant, subject: str) -> str:
        return self.last if (tenant, subject) == ("acme", "a1") else ""


@pytest.fixture
def cluster() -> Unsteady:
    return Unsteady()


def put(cluster: MemoryCluster, finalizers: list[str]) -> str:
    cluster.put(a_device("device-a1", "acme"), finalizers=finalizers)
    cluster.objects[DEVICE]["metadata"]["managedFields"] = [{"manager": REST_MANAGER, "operation": "Update"}]
    return str(cluster.objects[DEVICE]["metadata"]["uid"])


async def remove(cluster: MemoryCluster, uid: str, registry: Registry) -> None:
    asking.begin(Asked(id="mine", tenant=Tenant("acme")))
    parts: Any = {"settings": Settings(), "cluster": cluster, "waiter": registry, "reader": registry}
    context = Context(**parts, undertakings=cast("Any", None), namespaces=cast("Any", None), vault=None)
    await writes.remove(context, DEVICE, uid, "/device/a1")


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
