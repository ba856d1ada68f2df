"""`device-manager check`: it goes the whole road, says where it fails, and leaves nothing behind."""

from collections.abc import Mapping
from typing import Any

import pytest

from device_manager.journey import Failed, Journey
from device_registry.domain.errors import NotFound, Refused
from device_registry.domain.model import Key
from device_registry.domain.reasons import Reason
from device_registry.manifests import key_of

DONE = [
    {"type": "Ready", "status": "True", "reason": "Registered"},
    {"type": "Published", "status": "True", "reason": "Acknowledged"},
]
NOT_SENT = [DONE[0], {"type": "Published", "status": "False", "reason": "BrokerUnavailable"}]


class Cluster:
    """Objects that get their status at once, as an operator would give it."""

    def __init__(self, conditions: list[dict[str, str]], *, stuck: bool = False) -> None:
        self.objects: dict[Key, dict[str, Any]] = {}
        self.refused: Refused | None = None
        self._conditions = conditions
        self._stuck = stuck

    async def get(self, key: Key) -> dict[str, Any]:
        if key not in self.objects:
            raise NotFound
        return self.objects[key]

    async def create(self, manifest: Mapping[str, Any], manager: str) -> dict[str, Any]:
        if self.refused:
            raise self.refused
        status = {"deviceId": "a1b2c3", "conditions": self._conditions} if self._conditions else {}
        self.objects[key_of(manifest)] = {**manifest, "status": status}
        return {}

    async def delete(self, key: Key, *, uid: str | None = None) -> None:
        if key not in self.objects:
            raise NotFound
        if not self._stuck:
            del self.objects[key]

    async def namespace(self, name: str) -> dict[str, Any]:
        return {"metadata": {"name": name}}


async def travel(cluster: Cluster) -> list[str]:
    told: list[str] = []
    await Journey(namespace="acme", api="", token="", within=0.1).travel(cluster, told.append)
    return told


async def test_each_step_is_told_and_nothing_is_left_behind() -> None:
    cluster = Cluster(DONE)
    declared, registered, deleted = await travel(cluster)
    assert "in acme" in declared
    assert "a1b2c3" in registered
    assert "deleted" in deleted
    assert not cluster.objects


@pytest.mark.parametrize(
    ("conditions", "told"),
    [(NOT_SENT, "Published=False BrokerUnavailable"), ([], "is it at work")],
    ids=["not sent", "not seen"],
)
async def test_a_device_that_does_not_arrive_is_told_with_its_conditions_and_deleted(
    conditions: list[dict[str, str]], told: str
) -> None:
    cluster = Cluster(conditions)
    with pytest.raises(Failed, match=told):
        await travel(cluster)
    assert not cluster.objects


async def test_a_device_that_does_not_go_is_told() -> None:
    with pytest.raises(Failed, match="not gone"):
        await travel(Cluster(DONE, stuck=True))


async def test_what_the_api_server_refuses_is_passed_on() -> None:
    cluster = Cluster(DONE)
    cluster.refused = Refused(Reason.INVALID_SPEC, "no")
    with pytest.raises(Refused):
        await travel(cluster)
