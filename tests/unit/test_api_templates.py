"""An edit of a template over REST: what it takes away leaves the devices, however late the answer is."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from device_api import bulk, templates
from device_api.problems import Problem
from device_api.template_bodies import template_body
from device_registry.domain.errors import ClusterUnavailable, RegistryUnavailable
from device_registry.domain.model import DeviceId, DeviceSpec, Key, Kind, RegisteredTemplate, Tenant
from device_registry.domain.outcome import Outcome
from device_registry.manifests import parse_device_spec
from device_registry.registry.bindings import StoredDevice
from tests.support import builders, manifests
from tests.support.cluster import MemoryCluster
from tests.support.rest import ACME, Registry, a_context

TEMPLATE = Key(Kind.TEMPLATE, "acme", "template-1")
BODY = template_body({"label": "T", "attrs": []})
DEVICES = [Key(Kind.DEVICE, "acme", f"device-a{number}") for number in range(3)]


@dataclass
class Templates(Registry):
    """It has the template 1 and three devices, each with an override of its attribute `serial`."""

    cluster: MemoryCluster | None = None
    away: type[Exception] | None = None
    """What comes of looking whether the devices show the template."""
    late: tuple[Key, ...] = ()
    """What the operator does not look at in time."""
    meanwhile: Callable[[], None] = lambda: None
    """What happens while the edit reaches the devices."""

    @property
    def template_row(self) -> RegisteredTemplate:
        return builders.registered(builders.a_template("template-1"))

    async def template(self, tenant: Tenant, template_id: int) -> RegisteredTemplate:
        return self.template_row

    async def wait_changed(self, tenant: Tenant, key: Key, uid: str, generation: int) -> Outcome:
        if key in self.late:
            raise TimeoutError
        return await super().wait_changed(tenant, key, uid, generation)

    async def wait_until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        self.meanwhile()
        if self.away:
            raise self.away

    async def devices_with_own_values(
        self, tenant: Tenant, template_id: int
    ) -> list[tuple[StoredDevice, DeviceSpec]]:
        assert self.cluster is not None
        found = [(key, self.cluster.objects[key]) for key in DEVICES]
        return [(stored(key, one), parse_device_spec(one["spec"], key.name)) for key, one in found]


def stored(key: Key, found: Any) -> StoredDevice:
    device_id = DeviceId(key.name.removeprefix("device-"))
    return StoredDevice(id=device_id, body=json.dumps({}), key=key, uid=found["metadata"]["uid"])


@pytest.fixture
def cluster() -> MemoryCluster:
    cluster = MemoryCluster()
    cluster.put(manifests.a_template("template-1", "acme"), uid="uid-of-template-template-1")
    for key in DEVICES:
        cluster.put(manifests.a_device(key.name, "acme"))
    return cluster


async def put(cluster: MemoryCluster, **registry: Any) -> RegisteredTemplate:
    known = Templates(cluster=cluster, **registry)
    return await templates.update(a_context(cluster, known), ACME, known.template_row, BODY)


def overridden(cluster: MemoryCluster) -> list[str]:
    return [key.name for key in DEVICES if cluster.objects[key]["spec"].get("attributes")]


async def test_what_an_edit_takes_away_leaves_the_devices(cluster: MemoryCluster) -> None:
    await put(cluster)
    assert overridden(cluster) == []


@pytest.mark.parametrize("reason", [TimeoutError, RegistryUnavailable])
async def test_it_leaves_them_also_when_nobody_sees_in_time_that_they_show_the_edit(
    cluster: MemoryCluster, reason: type[Exception]
) -> None:
    with pytest.raises(Problem) as problem:
        await put(cluster, away=reason)
    assert (problem.value.status, problem.value.headers["Location"]) == (202, "/template/1")
    assert overridden(cluster) == []


async def test_it_leaves_them_also_when_the_operator_is_behind_with_the_template(
    cluster: MemoryCluster,
) -> None:
    with pytest.raises(Problem) as problem:
        await put(cluster, late=(TEMPLATE,))
    assert problem.value.status == 202
    assert overridden(cluster) == []


async def test_a_device_that_is_late_keeps_no_other_from_being_changed(
    cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PORTION", 1)
    with pytest.raises(Problem) as problem:
        await put(cluster, late=(DEVICES[0],))
    assert problem.value.status == 202
    assert overridden(cluster) == []


async def test_a_device_that_is_out_of_reach_keeps_no_other_from_being_changed(
    cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PORTION", 1)

    def lose() -> None:
        cluster.failures["get"] = [ClusterUnavailable("away")]

    with pytest.raises(Problem) as problem:
        await put(cluster, meanwhile=lose)
    assert problem.value.status == 202
    assert overridden(cluster) == ["device-a0"]
