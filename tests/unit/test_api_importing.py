"""An import that fails half-way, and everything that can go wrong while it is undone."""

from typing import Any

import pytest

from device_api import allornone, import_bodies, importing, restoring
from device_api.asking import WaitFor
from device_api.problems import Problem
from device_registry.domain.errors import ClusterUnavailable
from device_registry.domain.model import DeviceSpec, Key, Tenant
from device_registry.manifests import FINALIZER, device_manifest
from tests.support.following import Registry, RestCluster, asked, given, key
from tests.support.rest import ACME

NEW = {"templates": [], "devices": [{"id": "new", "label": "n"}]}


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "_PAUSES", (0, 0, 0, 0))


@pytest.fixture
def registry() -> Registry:
    return Registry(RestCluster())


async def imported(registry: Registry, body: Any = NEW, wait: WaitFor = WaitFor.REGISTERED) -> int:
    """The status that the import is answered with."""
    context = asked(registry, wait=wait)
    try:
        await importing.replace_all(context, ACME, import_bodies.import_body(body))
    except Problem as problem:
        return problem.status
    return 201


def present(registry: Registry) -> set[str]:
    return {one.name.removeprefix("device-") for one in registry.cluster.objects}


def secrets(registry: Registry) -> set[str]:
    return {name for _, name in registry.cluster.secrets}


async def test_an_import_that_waits_for_kafka_waits_once_for_what_went_and_what_came(
    registry: Registry,
) -> None:
    await given(registry, "a1", "b2")
    assert await imported(registry, wait=WaitFor.PUBLISHED) == 201
    assert registry.awaited == [{"a1": None, "b2": None, "new": 1}]


async def test_an_import_that_kafka_does_not_acknowledge_is_done_all_the_same(registry: Registry) -> None:
    await given(registry, "a1", with_key=True)
    registry.acknowledges = False
    assert await imported(registry, wait=WaitFor.PUBLISHED) == 202
    assert present(registry) == {"new"}


async def test_all_is_there_again_with_keys_when_the_operator_is_late_with_what_is_restored(
    registry: Registry,
) -> None:
    many = {f"{number:04x}" for number in range(250)}
    await given(registry, *sorted(many), with_key=True)
    registry.refused = {"device-new"}
    registry.late_to_come = ["device-0003", "device-00e6"] * 10
    assert await imported(registry) == 400
    assert present(registry) == many
    assert secrets(registry) == {f"device-{one}-psk" for one in many}


async def test_what_was_restored_is_not_removed_by_the_next_attempt(registry: Registry) -> None:
    await given(registry, "a1", "b2", "c3", with_key=True)
    cluster = registry.cluster
    registry.refused = {"device-new"}
    cluster.failures["create_secret"] = [ClusterUnavailable("away"), ClusterUnavailable("away")]
    assert await imported(registry) == 400
    assert present(registry) == {"a1", "b2", "c3"}
    assert secrets(registry) == {"device-a1-psk", "device-b2-psk", "device-c3-psk"}
    assert cluster.calls["delete"] == 3 + 1, "what was there, and the new device, once each"


async def test_one_device_that_cannot_come_back_keeps_no_other_and_no_key_away(registry: Registry) -> None:
    await given(registry, "a1", "b2", with_key=True)
    registry.refused = {"device-new", "device-a1"}
    assert await imported(registry) == 400
    assert present(registry) == {"b2"}
    assert secrets(registry) == {"device-b2-psk"}


async def test_what_the_operator_has_not_got_to_does_not_turn_up_after_the_import_was_undone(
    registry: Registry,
) -> None:
    await given(registry, "a1")
    registry.late_to_come, registry.unknown = ["device-new"], {"device-new"}
    assert await imported(registry) == 503
    assert present(registry) == {"a1"}


async def test_a_device_that_is_still_leaving_when_the_import_is_undone_comes_back(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await given(registry, "a1", "b2")
    objects = registry.cluster.objects
    objects[key("a1")]["metadata"]["finalizers"] = [FINALIZER]
    registry.late_to_go = ["device-a1"]
    leaving = registry.wait_gone

    async def gone_at_the_second_wait(tenant: Tenant, place: Key, uid: str, *, patient: bool = False) -> None:
        await leaving(tenant, place, uid, patient=patient)
        if place == key("a1") and objects[place]["metadata"]["uid"] == uid:
            del objects[place]

    monkeypatch.setattr(registry, "wait_gone", gone_at_the_second_wait)
    assert await imported(registry) == 503
    assert present(registry) == {"a1", "b2"}
    assert "deletionTimestamp" not in objects[key("a1")]["metadata"]


async def test_what_others_declare_meanwhile_stays(registry: Registry) -> None:
    await given(registry, "a1")
    registry.refused = {"device-new"}
    theirs = device_manifest(key("theirs"), DeviceSpec(label="t"))

    def meanwhile(_: Any) -> None:
        registry.cluster.listeners.clear()
        registry.cluster.put(theirs)

    registry.cluster.listeners.append(meanwhile)
    assert await imported(registry) == 400
    assert present(registry) == {"a1", "theirs"}


async def test_nothing_more_is_removed_once_the_operator_does_not_follow(registry: Registry) -> None:
    many = {f"{number:04x}" for number in range(450)}
    await given(registry, *sorted(many))
    registry.late_to_go = ["device-0003"]
    assert await imported(registry) == 503
    assert registry.cluster.calls["delete"] == 200
    assert present(registry) == many


async def test_what_the_import_has_declared_is_undone_also_where_it_is_as_what_was_there(
    registry: Registry,
) -> None:
    await given(registry, "a1", "b2")
    cluster = registry.cluster
    same = {"templates": [], "devices": [{"id": one, "label": "d"} for one in ("a1", "b2")]}
    made: list[str] = []

    def unsteady(event: Any) -> None:
        """The second device does not come, and the first one cannot be taken back at once."""
        if event["type"] == "ADDED" and not made:
            made.append(event["object"]["metadata"]["uid"])
            cluster.failures["create"] = [ClusterUnavailable("away")]
            cluster.failures["delete"] = [ClusterUnavailable("away")]

    cluster.listeners.append(unsteady)
    context = asked(registry)
    with pytest.raises(ClusterUnavailable):
        await importing.replace_all(context, ACME, import_bodies.import_body(same))
    assert made
    assert made[0] not in {one["metadata"]["uid"] for one in cluster.objects.values()}
    await allornone.undo_overdue(context)
    assert present(registry) == {"a1", "b2"}


async def test_an_import_replaces_nothing_in_a_namespace_that_nobody_has_bound(registry: Registry) -> None:
    await given(registry, "a1")
    registry.unbound = {ACME}
    assert await imported(registry) == 403
    assert present(registry) == {"a1"}


async def test_an_import_whose_events_nobody_can_look_at_is_done_all_the_same(registry: Registry) -> None:
    await given(registry, "a1")
    registry.away = {"events"}
    assert await imported(registry, wait=WaitFor.PUBLISHED) == 202
    assert present(registry) == {"new"}


async def test_while_the_operator_is_away_not_every_device_waits_for_it(registry: Registry) -> None:
    await given(registry, *(f"{number:04x}" for number in range(450)))
    registry.refused = {"device-new"}

    def ends(event: Any) -> None:
        if event["object"]["metadata"]["name"] == "device-new":
            registry.away = {"operator"}

    registry.cluster.listeners.append(ends)
    assert await imported(registry) == 400
    assert registry.asked_in_vain <= 4 * 200, "a portion for each attempt"
