"""What a sweep finds, and above all what it never concludes."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from device_registry.domain.errors import ClusterUnavailable, Forbidden, Refused, RegistryError
from device_registry.domain.model import Key, Kind
from device_registry.domain.reasons import Reason
from device_registry.manifests import FINALIZER, PAUSED
from device_registry.manifests.sighting import Sighting
from device_registry.ports import Holding
from device_registry.sweep import Difference, Findings, Sweep, difference
from tests.support.clock import Clock
from tests.support.cluster import MemoryCluster
from tests.support.manifests import a_device, a_template
from tests.support.operating import Operating, operating

DEVICE = Key(Kind.DEVICE, "acme", "freezer-7")
TEMPLATE = Key(Kind.TEMPLATE, "acme", "thermometer")

SEEN = Sighting(key=DEVICE, uid="u", generation=2)
HELD = Holding(key=DEVICE, row="abcd", row_uid="u", uid="u", generation=2, registered=True)


@pytest.mark.parametrize(
    ("seen", "held", "found"),
    [
        ({}, {}, None),
        ({}, None, Difference.UNKNOWN),
        ({}, {"uid": ""}, Difference.UNKNOWN),
        ({"uid": "new"}, {}, Difference.RECREATED),
        ({"generation": 3}, {}, Difference.BEHIND),
        ({"guarded": False}, {}, Difference.UNGUARDED),
        ({"deleting": True}, {}, Difference.DELETING),
        ({"deleting": True, "guarded": False}, {}, None),
        ({}, {"row": ""}, Difference.DRIFTED),
        ({}, {"row": "", "registered": False}, None),
        ({}, {"intact": False}, Difference.DRIFTED),
        ({"paused": True, "generation": 3, "guarded": False}, {}, None),
        ({"paused": True}, None, None),
        ({"paused": True}, {"intact": False}, Difference.DRIFTED),
        ({"paused": True, "deleting": True}, {"intact": False}, Difference.DELETING),
    ],
)
def test_what_differs_is_named(
    seen: dict[str, Any], held: dict[str, Any] | None, found: Difference | None
) -> None:
    known = None if held is None else replace(HELD, **held)
    assert difference(replace(SEEN, **seen), known) is found


# --- with everything but kopf -----------------------------------------------------------------------------


@pytest.fixture
async def it() -> AsyncIterator[Operating]:
    """An operator with a settled device and its template."""
    async with operating(SWEEP_INTERVAL_SECONDS=0.02) as running:
        running.cluster.put(a_template(namespace="acme"))
        running.cluster.put(a_device(namespace="acme"))
        await running.shows(DEVICE, "Published", "True")
        await running.settled()
        yield running


async def swept(it: Operating, kind: Kind = Kind.DEVICE, *namespaces: str) -> Findings:
    return await Sweep(it.database, it.cluster, namespaces, Clock()).run(kind)


def claimed(it: Operating) -> dict[Kind, int]:
    return it.database.unclaimed()


NONE_UNCLAIMED = {Kind.DEVICE: 0, Kind.TEMPLATE: 0}


async def test_a_settled_fleet_has_no_differences_and_costs_one_list(it: Operating) -> None:
    it.cluster.calls.clear()
    assert await swept(it) == Findings(differences={}, paused=set(), unclaimed=[], wake=[])
    assert it.cluster.calls == {"list": 1}


async def test_an_empty_list_unclaims_nothing_that_is_still_there(it: Operating) -> None:
    class Empty(MemoryCluster):
        async def list(self, kind: Kind, namespace: str | None = None) -> list[dict[str, Any]]:
            return []

    empty = Empty()
    empty.objects = it.cluster.objects
    for kind in Kind:
        assert (await Sweep(it.database, empty, (), Clock()).run(kind)).unclaimed == []
    assert claimed(it) == NONE_UNCLAIMED
    assert it.events() == [("create", it.cluster.objects[DEVICE]["status"]["deviceId"], 1)]


@pytest.mark.parametrize(
    "error", [ClusterUnavailable(), Forbidden(), Refused(Reason.INVALID_SPEC, "the continue token expired")]
)
async def test_a_list_that_fails_changes_nothing(it: Operating, error: RegistryError) -> None:
    del it.cluster.objects[DEVICE]
    it.cluster.failures["list"] = [error]
    with pytest.raises(type(error)):
        await swept(it)
    assert claimed(it) == NONE_UNCLAIMED


async def test_a_list_that_breaks_off_after_a_part_changes_nothing(it: Operating) -> None:
    class Torn(MemoryCluster):
        answers: Iterator[RegistryError | None] = iter((None, ClusterUnavailable()))

        async def list(self, kind: Kind, namespace: str | None = None) -> list[dict[str, Any]]:
            if error := next(self.answers):
                raise error
            return []

    with pytest.raises(ClusterUnavailable):
        await Sweep(it.database, Torn(), ("acme", "other"), Clock()).run(Kind.DEVICE)
    assert claimed(it) == NONE_UNCLAIMED


async def test_an_absence_that_cannot_be_confirmed_is_none(it: Operating) -> None:
    del it.cluster.objects[DEVICE]
    it.cluster.failures["get"] = [ClusterUnavailable()]
    with pytest.raises(ClusterUnavailable):
        await swept(it)
    assert claimed(it) == NONE_UNCLAIMED


async def test_while_the_kind_is_not_served_nothing_is_absent(it: Operating) -> None:
    it.cluster.objects.clear()
    it.cluster.served.clear()
    for kind in Kind:
        assert (await swept(it, kind)).unclaimed == []
    assert claimed(it) == NONE_UNCLAIMED


async def test_rows_of_namespaces_that_are_not_served_are_left_alone(it: Operating) -> None:
    it.cluster.objects.clear()
    assert (await swept(it, Kind.DEVICE, "other")).unclaimed == []
    assert claimed(it) == NONE_UNCLAIMED


async def test_a_vanished_device_is_unclaimed_and_nobody_is_told(it: Operating) -> None:
    del it.cluster.objects[DEVICE]
    heard = it.events()
    assert (await swept(it)).unclaimed == [DEVICE]
    assert claimed(it) == {Kind.DEVICE: 1, Kind.TEMPLATE: 0}
    assert (await swept(it)).unclaimed == [], "once"
    await it.settled()
    assert it.events() == heard


# --- the background -----------------------------------------------------------------------------------------


async def test_a_finalizer_that_was_taken_off_comes_back_though_no_event_told(it: Operating) -> None:
    it.cluster.objects[DEVICE]["metadata"]["finalizers"] = []
    it.program.sweeping.begin()
    await it.until(lambda: it.cluster.objects[DEVICE]["metadata"]["finalizers"] == [FINALIZER])


async def test_an_object_that_no_event_told_of_is_registered(it: Operating) -> None:
    listeners, it.cluster.listeners = it.cluster.listeners, []
    unseen = it.cluster.put(a_device("unseen", namespace="acme"))
    it.cluster.listeners = listeners
    it.program.sweeping.begin()
    await it.shows(unseen, "Ready", "True")


async def test_a_sweep_that_failed_is_tried_again(it: Operating) -> None:
    it.cluster.objects[DEVICE]["metadata"]["finalizers"] = []
    it.cluster.failures["list"] = [ClusterUnavailable(), ClusterUnavailable()]
    it.program.sweeping.begin()
    await it.until(lambda: it.cluster.objects[DEVICE]["metadata"]["finalizers"] == [FINALIZER])


async def test_a_paused_device_says_that_its_row_drifted_and_is_not_repaired(it: Operating) -> None:
    it.cluster.put(a_device(namespace="acme"), annotations={PAUSED: "true"})
    await it.shows(DEVICE, "Paused", "True")
    heard = it.events()
    with it.database.transaction() as transaction:
        (row,) = transaction.devices((), [("acme", "freezer-7")])
        transaction.save_devices([replace(row, intact=False)])
    it.program.sweeping.begin()
    await it.shows(DEVICE, "Drifted", "True", "Drifted")
    await it.shows(DEVICE, "Paused", "True")
    writes = it.cluster.calls["patch_status"]
    lists = it.cluster.calls["list"]
    await it.until(lambda: it.cluster.calls["list"] > lists + 4)
    assert it.cluster.calls["patch_status"] == writes, "it is said once"
    assert it.events() == heard

    it.cluster.put(a_device(namespace="acme"), annotations={})
    await it.until(lambda: not it.cluster.condition(DEVICE, "Drifted"))
    await it.until(lambda: len(it.events()) == len(heard) + 1)
    assert it.events()[-1][0] == "update"


async def test_an_operator_that_is_told_never_to_sweep_does_not() -> None:
    async with operating(SWEEP_INTERVAL_SECONDS=0) as it:
        it.program.sweeping.begin()
        await it.program.sweeping.run()
        assert it.cluster.calls["list"] == 0
