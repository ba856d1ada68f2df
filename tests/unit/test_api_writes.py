"""Writes over REST whose answer got lost on the way from the API server, so that they are made twice."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from device_api import asking, removing, writes
from device_api.asking import Asked
from device_api.problems import Problem
from device_registry.domain.errors import Conflict
from device_registry.domain.model import DeviceSpec, Key, Tenant
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.manifests import FINALIZER, parse_device_spec
from device_registry.registry.bindings import Registered
from tests.support.cluster import MemoryCluster
from tests.support.manifests import a_device
from tests.support.rest import ACME, DEVICE, Registry, a_context, put

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
class Late(Registry):
    """It says nothing of the first change before it has been asked about the second one."""

    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    second: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_changed(self, tenant: Tenant, key: Key, uid: str, generation: int) -> Outcome:
        if self.waiting.is_set():
            self.second.set()
            # The first request hears of it first, and finds the write of the second one.
            await asyncio.sleep(0)
        self.waiting.set()
        await self.second.wait()
        return await super().wait_changed(tenant, key, uid, generation)


@pytest.fixture
def cluster() -> Unsteady:
    return Unsteady()


async def remove(cluster: MemoryCluster, uid: str, registry: Registry) -> None:
    await removing.remove(a_context(cluster, registry), DEVICE, uid, "/device/a1")


def attach(spec: DeviceSpec) -> DeviceSpec:
    """An edit that can be made only once."""
    assert "attached" not in spec.templates
    return replace(spec, templates=(*spec.templates, "attached"))


async def test_a_change_that_was_carried_out_before_it_was_repeated_is_ours(cluster: Unsteady) -> None:
    uid = put(cluster, GUARDED)
    outcome = await writes.change(a_context(cluster, Registry()), DEVICE, uid, attach, "/device/a1")
    assert outcome.generation == 2


async def test_a_repeated_change_that_the_operator_refuses_is_put_back(cluster: Unsteady) -> None:
    uid = put(cluster, GUARDED)
    before = cluster.objects[DEVICE]["spec"]
    context = a_context(cluster, Registry(reason=Reason.TEMPLATE_NOT_FOUND))
    with pytest.raises(Problem):
        await writes.change(context, DEVICE, uid, attach, "/device/a1")
    assert cluster.objects[DEVICE]["spec"] == before


@dataclass
class Judging(Registry):
    """Refuses devices that have the template `clashing`; so many looks come too late."""

    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    late: int = 0

    async def wait_changed(self, tenant: Tenant, key: Key, uid: str, generation: int) -> Outcome:
        if self.late:
            self.late -= 1
            raise TimeoutError
        clashes = {"name": "clashing"} in self.cluster.objects[key]["spec"]["templates"]
        self.reason = Reason.ATTRIBUTE_CONFLICT if clashes else Reason.REGISTERED
        return await super().wait_changed(tenant, key, uid, generation)


def with_template(name: str) -> Callable[[DeviceSpec], DeviceSpec]:
    return lambda spec: replace(spec, templates=(*spec.templates, name))


async def attach_both(cluster: MemoryCluster, first: str, second: str, reason: Reason) -> None:
    """Two requests attach a template before the operator looks, the second one upon the first; both fail."""
    uid = put(cluster)
    spec = parse_device_spec(cluster.objects[DEVICE]["spec"], "")
    registry = Late(row=Registered(spec=spec, generation=1), reason=reason)
    context = a_context(cluster, registry)

    async def attach_as(request: str, template: str) -> None:
        asking.begin(Asked(id=request, tenant=ACME))
        with pytest.raises(Problem):
            await writes.change(context, DEVICE, uid, with_template(template), "/device/a1")

    one = asyncio.create_task(attach_as("first", first))
    await registry.waiting.wait()
    two = asyncio.create_task(attach_as("second", second))
    await one
    await two


async def test_of_changes_that_stand_on_one_another_and_are_refused_none_stays() -> None:
    cluster = MemoryCluster()
    await attach_both(cluster, "clashing", "harmless", Reason.ATTRIBUTE_CONFLICT)
    assert cluster.objects[DEVICE]["spec"]["templates"] == [{"name": "thermometer"}]


async def test_a_refused_change_leaves_an_accepted_one_that_it_stands_on() -> None:
    cluster = MemoryCluster()
    uid = put(cluster)
    spec = parse_device_spec(cluster.objects[DEVICE]["spec"], "")
    registry = Judging(row=Registered(spec=spec, generation=1), cluster=cluster)
    context = a_context(cluster, registry)
    registry.late = 1
    with pytest.raises(Problem) as accepted:
        await writes.change(context, DEVICE, uid, lambda one: replace(one, label="good"), "/device/a1")
    assert accepted.value.status == 202
    with pytest.raises(Problem) as refused:
        await writes.change(context, DEVICE, uid, with_template("clashing"), "/device/a1")
    assert refused.value.status == 400
    assert cluster.objects[DEVICE]["spec"]["label"] == "good"
    assert cluster.objects[DEVICE]["spec"]["templates"] == [{"name": "thermometer"}]


async def test_a_refused_change_upon_what_a_person_wrote_goes_back_to_that(cluster: Unsteady) -> None:
    uid = put(cluster)
    spec = parse_device_spec(cluster.objects[DEVICE]["spec"], "")
    cluster.put(a_device("device-a1", "acme", templates=[{"name": "by hand"}]))
    registry = Registry(row=Registered(spec=spec, generation=1), reason=Reason.TEMPLATE_NOT_FOUND)
    for _ in range(2):
        with pytest.raises(Problem):
            await writes.change(a_context(cluster, registry), DEVICE, uid, attach, "/device/a1")
        assert cluster.objects[DEVICE]["spec"]["templates"] == [{"name": "by hand"}]


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
