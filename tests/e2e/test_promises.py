"""What other device registries broke (docs/promises.md), where no other module proves it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.databases import copied, replaced
from tests.support.httpfaults import HttpFault, HttpFaults
from tests.support.kubectl import KubectlError
from tests.support.manifests import a_device, a_template, changed
from tests.support.road import Road
from tests.support.waiting import eventually

SWEEPS = "device_manager_sweep_seconds_count"
OFTEN = "1"
"""Seconds between sweeps, instead of ten minutes."""


def a_fleet(road: Road, namespace: str, count: int = 3) -> list[str]:
    """A template and devices, settled and told; answers the ids of the devices."""
    names = [f"device-{number}" for number in range(count)]
    road.kubectl.apply([a_template(namespace=namespace), *(a_device(name, namespace) for name in names)])
    return [road.ready("device", name, namespace)["status"]["deviceId"] for name in names]


def told(road: Road, namespace: str) -> list[tuple[str, str, int]]:
    """What Kafka holds for the tenant of a namespace."""
    return [(one.event, one.id, one.sequence) for one in road.events(namespace)]


def rows(road: Road, namespace: str) -> list[Any]:
    return list(road.rows("SELECT * FROM device WHERE claim_namespace = :n ORDER BY id", n=namespace))


# --- a list that lies -----------------------------------------------------------------------------------


EMPTY: dict[str, Any] = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "items": []}
LISTS = r"/apis/dojot\.io/v1alpha1/(devices|templates)\?.*limit="
LIES = {
    "empty": HttpFault(status=200, methods=frozenset({"GET"}), path=LISTS, body={**EMPTY, "metadata": {}}),
    "broken off": HttpFault(status=500, methods=frozenset({"GET"}), path=LISTS + ".*continue="),
    "expired": HttpFault(status=410, methods=frozenset({"GET"}), path=LISTS + ".*continue="),
    "refused": HttpFault(status=503, methods=frozenset({"GET"}), path=LISTS),
}


@contextmanager
def behind_faults(road: Road, **environment: str) -> Iterator[HttpFaults]:
    """The operator behind a proxy that can answer in place of the API server, and afterwards as before."""
    config = json.loads(road.kubectl.kubeconfig.read_text())
    straight = config["clusters"][0]["cluster"]["server"].rpartition(":")[2]
    road.operator.stop()
    with HttpFaults(int(straight), road.platform.certificates) as faults:
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{faults.port}"
        detour = road.kubectl.kubeconfig.with_name("kubeconfig-of-lies")
        detour.write_text(json.dumps(config))
        detour.chmod(0o600)
        road.operator.start(KUBECONFIG=str(detour), **environment)
        try:
            yield faults
        finally:
            faults.heal()
            road.operator.restart()


@pytest.mark.promise("partial-list")
@pytest.mark.parametrize("lie", LIES)
def test_a_list_that_is_not_the_truth_removes_nothing(road: Road, namespace: str, lie: str) -> None:
    ids = a_fleet(road, namespace)
    before = told(road, namespace)
    with behind_faults(road, SWEEP_INTERVAL_SECONDS=OFTEN) as faults:
        faults.answer(LIES[lie])
        eventually(lambda: faults.given[LIES[lie].status] >= 4 or _swept(road, 3), what="sweeps over lies")
        assert all(row["unclaimed_since"] is None for row in rows(road, namespace))
    assert [row["id"] for row in rows(road, namespace)] == sorted(ids)
    assert told(road, namespace) == before


def _swept(road: Road, times: int) -> bool:
    return road.operator.metrics()[SWEEPS] >= times


# --- orders of arrival and departure --------------------------------------------------------------------


@pytest.mark.promise("late-template")
def test_a_template_that_comes_after_many_sweeps_makes_its_devices_ready(road: Road, namespace: str) -> None:
    names = [f"device-{number}" for number in range(20)]
    road.operator.stop()
    road.operator.start(SWEEP_INTERVAL_SECONDS=OFTEN)
    road.kubectl.apply([a_device(name, namespace) for name in names])
    for name in names:
        road.wait_for("device", name, namespace, "TemplatesResolved=False:TemplateNotFound")
    before = road.operator.metrics()[SWEEPS]
    eventually(lambda: _swept(road, int(before) + 10), within=60, what="ten sweeps")

    road.kubectl.apply(a_template(namespace=namespace))
    for name in names:
        road.wait_for("device", name, namespace, "Ready=True", within=5)
    road.operator.restart()


@pytest.mark.promise("delete-at-once")
@pytest.mark.parametrize("kind", ["device", "template"])
def test_what_is_deleted_right_after_its_creation_goes_and_leaves_nothing(
    road: Road, namespace: str, kind: str
) -> None:
    for number in range(10):
        name = f"short-lived-{number}"
        made = a_device(name, namespace, templates=[]) if kind == "device" else a_template(name, namespace)
        road.kubectl.apply(made)
        road.kubectl.delete(kind, name, namespace)
    eventually(lambda: not road.kubectl.list(f"{kind}s", namespace), what=f"the end of every {kind}")
    assert not road.rows(f"SELECT * FROM {kind} WHERE claim_namespace = :n", n=namespace)
    events = [event for event, _, _ in told(road, namespace)]
    assert events.count("create") == events.count("remove")


@pytest.mark.promise("delete-at-once")
def test_a_namespace_that_is_deleted_right_after_its_fleet_came_goes(road: Road, namespace: str) -> None:
    names = [f"device-{number}" for number in range(10)]
    road.kubectl.apply([a_template(namespace=namespace), *(a_device(name, namespace) for name in names)])
    road.kubectl.run("delete", "namespace", namespace, "--timeout=60s")
    assert rows(road, namespace) == []
    events = [event for event, _, _ in told(road, namespace)]
    assert events.count("create") == events.count("remove")


# --- events ---------------------------------------------------------------------------------------------


@pytest.mark.promise("kafka-away")
def test_what_changes_while_kafka_is_away_is_accepted_and_delivered_in_order(
    road: Road, namespace: str
) -> None:
    ids = a_fleet(road, namespace, 20)
    kafka = road.platform.parts["kafka"]
    kafka.stop()
    try:
        for label in ("One", "Two", "Three"):
            road.kubectl.apply([a_device(f"device-{n}", namespace, label=label) for n in range(20)])
            for number in range(20):
                road.wait_for("device", f"device-{number}", namespace, "Ready=True", "Published=False")
    finally:
        kafka.start()
    for number in range(20):
        road.wait_for("device", f"device-{number}", namespace, "Published=True", within=60)
    for device_id in ids:
        assert [one for one in told(road, namespace) if one[1] == device_id] == [
            ("create", device_id, 1),
            *(("update", device_id, sequence) for sequence in (2, 3, 4)),
        ]


@pytest.mark.promise("no-actuation")
def test_no_change_of_a_spec_actuates_a_device(road: Road, namespace: str) -> None:
    lock = {"label": "lock", "type": "actuator", "valueType": "bool"}
    road.kubectl.apply([a_template(namespace=namespace, attributes=[lock]), a_device(namespace=namespace)])
    device_id = road.ready("device", "freezer-7", namespace)["status"]["deviceId"]
    value = [{"label": "lock", "type": "actuator", "staticValue": "closed"}]
    edits: list[dict[str, Any]] = [{"label": "Renamed"}, {"attributes": value}, {"attributes": []}]
    for spec in edits:
        road.kubectl.apply(a_device(namespace=namespace, **spec))
        road.ready("device", "freezer-7", namespace)
    road.kubectl.apply(a_template(namespace=namespace, attributes=[lock | {"staticValue": "open"}]))
    road.wait_for("template", "thermometer", namespace, "Propagated=True")
    events = [event for event, one, _ in told(road, namespace) if one == device_id]
    assert events[0] == "create"
    assert set(events[1:]) == {"update"}


# --- identity -------------------------------------------------------------------------------------------


@pytest.mark.promise("one-id-twice")
def test_deleting_the_loser_of_an_id_harms_neither_row_nor_winner(road: Road, namespace: str) -> None:
    road.kubectl.apply([a_template(namespace=namespace), a_device("winner", namespace, deviceId="abc123")])
    winner = road.ready("device", "winner", namespace)
    road.kubectl.apply(a_device("loser", namespace, deviceId="abc123"))
    lost = road.wait_for("device", "loser", namespace, "Ready=False:IdentityConflict", "Stalled=True")
    assert f"{namespace}/winner" in lost["Ready"]["message"]
    before = rows(road, namespace)

    road.kubectl.delete("device", "loser", namespace, wait=True)
    assert rows(road, namespace) == before
    assert road.kubectl.get("device", "winner", namespace)["metadata"] == winner["metadata"]
    assert told(road, namespace) == [("create", "abc123", 1)]


# --- a backup is restored -------------------------------------------------------------------------------


@pytest.mark.promise("restored-registry")
def test_yesterdays_registry_under_todays_resources_loses_nothing_and_says_what_differs(
    road: Road, namespace: str
) -> None:
    ids = dict(zip(("device-0", "device-1", "device-2"), a_fleet(road, namespace), strict=True))
    road.operator.stop()
    with copied(road.engine) as yesterday:
        road.operator.start()
        road.kubectl.apply([a_device("device-0", namespace, label="Edited"), a_device("later", namespace)])
        road.ready("device", "device-0", namespace)
        ids["later"] = road.ready("device", "later", namespace)["status"]["deviceId"]
        road.kubectl.delete("device", "device-1", namespace, wait=True)
        before = told(road, namespace)
        road.operator.stop()
        replaced(road.engine, yesterday)
    road.operator.start(SWEEP_INTERVAL_SECONDS=OFTEN)

    eventually(lambda: road.row(namespace, "later"), what="the row of the later device")
    road.wait_for("device", "device-0", namespace, "Ready=True")
    eventually(lambda: road.document(namespace, "device-0")["label"] == "Edited")
    eventually(lambda: unclaimed(road, namespace) == [ids["device-1"]], what="the row without a resource")
    eventually(lambda: _differences(road, "Absent"), what="a count of what is absent")
    assert _differences(road, "Unknown") + _differences(road, "Behind") >= 2
    assert {row["id"] for row in rows(road, namespace)} == set(ids.values())
    removed = [one for one in told(road, namespace) if one[0] == "remove"]
    assert removed == [one for one in before if one[0] == "remove"]
    # The row without a resource keeps its template in use, and waits for whoever declares the device again.
    road.kubectl.apply(a_device("device-1", namespace))
    assert road.ready("device", "device-1", namespace)["status"]["deviceId"] == ids["device-1"]
    road.operator.restart()


def unclaimed(road: Road, namespace: str) -> list[str]:
    return [row["id"] for row in rows(road, namespace) if row["unclaimed_since"] is not None]


def _differences(road: Road, name: str) -> float:
    counted = f'device_manager_sweep_differences_total{{difference="{name}",kind="Device"}}'
    return road.operator.metrics().get(counted, 0)


# --- edits of templates ---------------------------------------------------------------------------------


@pytest.mark.promise("template-edit")
def test_edits_of_a_template_in_quick_succession_end_in_the_last_one_with_no_device_told_twice_of_it(
    road: Road, namespace: str
) -> None:
    ids = a_fleet(road, namespace, 10)
    for value_type in ("integer", "string", "bool"):
        edited = changed(a_template(namespace=namespace), "spec.attributes.0.valueType", value_type)
        road.kubectl.apply(edited)
    road.wait_for("template", "thermometer", namespace, "Propagated=True")
    events = road.events(namespace)
    assert [one.event for one in events if not one.id][-1] == "template.update"
    for device_id in ids:
        updates = [json.dumps(one.value) for one in events if (one.event, one.id) == ("update", device_id)]
        assert len(updates) == len(set(updates))
        assert '"value_type": "bool"' in updates[-1]


def test_a_resource_that_breaks_a_rule_of_the_schema_is_refused_when_it_is_applied(
    road: Road, namespace: str
) -> None:
    wrong: dict[str, Any] = {
        "deviceId": "no blanks",
        "label": "x" * 129,
        "templates": [{"name": f"t{number}"} for number in range(17)],
        "deletionPolicy": "Sometimes",
    }
    for field, value in wrong.items():
        with pytest.raises(KubectlError, match=rf"spec\.{field}"):
            road.kubectl.apply(a_device(namespace=namespace, **{field: value}))
