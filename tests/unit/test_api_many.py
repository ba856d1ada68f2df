"""Many devices at once over REST: what becomes of the others when one is late, and of waits for Kafka."""

import json

import pytest

from device_api import batches, devices, views
from device_api.asking import WaitFor
from device_api.problems import Problem
from device_registry.domain.errors import NotFound
from device_registry.domain.model import Key
from device_registry.manifests import FINALIZER
from tests.support.following import Registry, RestCluster, asked, given, key
from tests.support.rest import ACME

LISTED = {"devices": [{"label": "x", "id": "a1"}, {"label": "y", "id": "b2"}, {"label": "z", "id": 5}]}


class Forgetful(RestCluster):
    """Its answers to deletions get lost, and what is asked for once more is not there any longer."""

    async def delete(self, key: Key, *, uid: str | None = None, resource_version: str | None = None) -> None:
        await super().delete(key, uid=uid, resource_version=resource_version)
        raise NotFound


@pytest.fixture
def registry() -> Registry:
    return Registry(RestCluster())


# --- DELETE /device ---------------------------------------------------------------------------------


async def test_when_one_device_is_slow_to_go_all_go_all_the_same(registry: Registry) -> None:
    await given(registry, *(f"{number:04x}" for number in range(450)))
    slow = registry.cluster.objects[key("0003")]["metadata"]
    slow["finalizers"] = [FINALIZER]
    registry.late_to_go = ["device-0003"]
    with pytest.raises(Problem) as raised:
        await devices.delete_all(asked(registry), ACME)
    assert (raised.value.status, raised.value.headers["Location"]) == (202, "/device")
    assert [*registry.cluster.objects] == [key("0003")]
    assert "deletionTimestamp" in registry.cluster.objects[key("0003")]["metadata"]


async def test_a_removal_of_all_waits_once_for_the_events_of_each(registry: Registry) -> None:
    await given(registry, "a1", "b2")
    removed = await devices.delete_all(asked(registry, wait=WaitFor.PUBLISHED), ACME)
    assert len(removed) == 2
    assert registry.awaited == [{"a1": None, "b2": None}]


async def test_a_removal_of_all_that_kafka_does_not_acknowledge_is_answered_202(registry: Registry) -> None:
    await given(registry, "a1")
    registry.acknowledges = False
    with pytest.raises(Problem, match="Kafka has not acknowledged") as raised:
        await devices.delete_all(asked(registry, wait=WaitFor.PUBLISHED), ACME)
    assert raised.value.status == 202
    assert registry.cluster.objects == {}


@pytest.mark.parametrize(("last", "removed"), [("mine", 2), ("another", 0)])
async def test_what_was_removed_though_its_answer_was_lost_is_among_the_removed(
    last: str, removed: int
) -> None:
    registry = Registry(Forgetful())
    await given(registry, "a1", "b2")
    registry.last = {"a1": last, "b2": last}
    assert len(await devices.delete_all(asked(registry), ACME)) == removed


# --- POST /device/batch -----------------------------------------------------------------------------


async def test_devices_of_a_batch_that_kafka_has_not_acknowledged_are_no_failures(
    registry: Registry,
) -> None:
    registry.acknowledges = False
    result = await batches.create(asked(registry, wait=WaitFor.PUBLISHED), ACME, LISTED)
    assert [json.loads(one)["id"] for one in result.successes] == ["a1", "b2"]
    assert [one.label for one in result.failures] == ["z"]
    assert result.late is not None
    assert result.late.status == 202
    assert all(one == {"a1": None, "b2": None} for one in registry.awaited)


async def test_a_batch_that_waits_for_kafka_waits_once(registry: Registry) -> None:
    result = await batches.create(asked(registry, wait=WaitFor.PUBLISHED), ACME, LISTED)
    assert result.late is None
    assert registry.awaited == [{"a1": None, "b2": None}]
    assert set(json.loads(views.batch(result))) == {"failures", "successes"}


async def test_a_device_of_a_batch_that_is_slow_to_be_registered_is_accepted(registry: Registry) -> None:
    registry.late_to_come = ["device-b2"]
    result = await batches.create(asked(registry), ACME, LISTED)
    shown = json.loads(views.batch(result))
    assert shown["accepted"] == [{"id": "b2", "label": "y"}]
    assert [one["id"] for one in shown["successes"]] == ["a1"]
    assert [one["label"] for one in shown["failures"]] == ["z"]
    assert (shown["status"], "not yet registered" in shown["message"]) == (202, True)
    assert result.late is not None
    assert result.late.headers["Location"] == "/device"


@pytest.mark.parametrize(("away", "shown"), [("events", ["a1", "b2"]), ("documents", [])])
async def test_a_batch_that_is_done_when_the_registry_goes_away_is_no_failure(
    registry: Registry, away: str, shown: list[str]
) -> None:
    registry.away = {away}
    ended = await batches.create(asked(registry, wait=WaitFor.PUBLISHED), ACME, LISTED)
    assert [json.loads(one)["id"] for one in ended.successes] == shown
    assert [one.id for one in ended.accepted] == [one for one in ("a1", "b2") if one not in shown]
    assert len(ended.failures) == 1
    assert ended.late
    assert ended.late.status == 202
