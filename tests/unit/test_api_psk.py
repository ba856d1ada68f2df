"""Keys over REST, when something is wrong with keys of the device: only those that were asked for count."""

import base64
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest

from device_api import psk
from device_api.problems import Problem
from device_registry.domain.errors import RegistryUnavailable
from device_registry.domain.model import DeviceId, Key, Tenant
from device_registry.domain.outcome import Outcome
from device_registry.domain.psk import Sealed
from device_registry.domain.reasons import Reason
from device_registry.registry.bindings import StoredDevice
from tests.support.cluster import MemoryCluster
from tests.support.rest import ACME, DEVICE, Registry, a_context, put

SECRET = ("acme", "device-a1-psk")
BROKEN = {"attribute": "gone", "secretRef": {"name": "elsewhere", "key": "gone"}}
OLD = {"attribute": "key", "secretRef": {"name": "device-a1-psk", "key": "key"}}
BODY = json.dumps({"attrs": {"1": [{"label": "key", "type": "static", "value_type": "psk"}]}})
TOLD = (Reason.NO_SUCH_ATTRIBUTE, 'no template has a static attribute "gone"')


@dataclass
class Keeper(Registry):
    """It stores the keys that the Secret holds, if it stores any."""

    cluster: MemoryCluster | None = None
    overtaken_by: str = ""
    """The key that another request writes before the operator looks."""

    async def wait_changed(self, tenant: Tenant, key: Key, uid: str, generation: int) -> Outcome:
        if self.overtaken_by:
            hold(self.cluster, self.overtaken_by)
        elif self.cluster:
            self.sealed = held(self.cluster)
        return await super().wait_changed(tenant, key, uid, generation)


class Away(Registry):
    """It goes away as soon as the device is registered."""

    async def keys_of(self, tenant: Tenant, ids: Collection[str]) -> dict[str, dict[str, Sealed]]:
        raise RegistryUnavailable("away")


def hold(cluster: MemoryCluster | None, key: str) -> None:
    assert cluster is not None
    cluster.put_secret(*SECRET, {"key": base64.b64encode(key.encode()).decode()}, by_rest=True)


def held(cluster: MemoryCluster) -> dict[str, str]:
    data: dict[str, str] = cluster.secrets[SECRET].get("data") or {}
    return {label: base64.b64decode(text).decode() for label, text in data.items()}


def credentials(cluster: MemoryCluster) -> Any:
    return cluster.objects[DEVICE]["spec"].get("credentials", [])


async def generated(cluster: MemoryCluster, registry: Registry, uid: str) -> dict[str, str]:
    registry.device = StoredDevice(id=DeviceId("a1"), body=BODY, key=DEVICE, uid=uid)
    made = await psk.generate(a_context(cluster, registry), ACME, "a1", 8, ["key"])
    return {label: key.digits for label, key in made.items()}


async def test_a_key_is_answered_although_another_one_of_the_device_is_broken() -> None:
    cluster = MemoryCluster()
    uid = put(cluster, credentials=[BROKEN])
    keys = await generated(cluster, Keeper(keys=TOLD, cluster=cluster), uid)
    assert keys == held(cluster)
    assert credentials(cluster) == [BROKEN, OLD]


async def test_a_key_that_was_not_stored_leaves_the_secret_and_the_device_as_they_were() -> None:
    cluster = MemoryCluster()
    uid = put(cluster, credentials=[BROKEN])
    with pytest.raises(Problem, match="no key was stored for key; the device says: no template"):
        await generated(cluster, Registry(keys=TOLD), uid)
    assert held(cluster) == {}
    assert credentials(cluster) == [BROKEN]


async def test_the_former_key_comes_back_when_the_new_one_was_not_stored() -> None:
    cluster = MemoryCluster()
    uid = put(cluster, credentials=[OLD, BROKEN])
    registry = Keeper(keys=TOLD, cluster=cluster)
    former = await generated(cluster, registry, uid)
    registry.cluster = None
    with pytest.raises(Problem):
        await generated(cluster, registry, uid)
    assert held(cluster) == former


async def test_a_key_that_another_request_has_replaced_meanwhile_stays_replaced() -> None:
    cluster = MemoryCluster()
    uid = put(cluster, credentials=[BROKEN])
    await generated(cluster, Keeper(keys=TOLD, cluster=cluster, overtaken_by="0011"), uid)
    assert held(cluster) == {"key": "0011"}


async def test_while_nobody_can_tell_whether_a_key_is_stored_it_stays_and_the_answer_is_202() -> None:
    cluster = MemoryCluster()
    uid = put(cluster, credentials=[BROKEN])
    with pytest.raises(Problem) as problem:
        await generated(cluster, Away(keys=TOLD), uid)
    assert problem.value.status == 202
    assert credentials(cluster) == [BROKEN, OLD]
