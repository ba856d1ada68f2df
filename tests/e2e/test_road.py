"""From `kubectl apply` to the registry, Kafka and the status, and back."""

import json
from pathlib import Path

import pytest

from tests.support.kubectl import KubectlError
from tests.support.manifests import a_device, a_template, changed
from tests.support.road import Road
from tests.support.waiting import eventually


def test_a_declared_device_becomes_a_row_a_record_and_a_ready_condition(road: Road, namespace: str) -> None:
    road.kubectl.apply([a_template(namespace=namespace), a_device(namespace=namespace)])
    device = road.ready("device", "freezer-7", namespace)

    device_id = device["status"]["deviceId"]
    document = road.document(namespace, "freezer-7")
    assert document["id"] == device_id
    assert document["label"] == "freezer-7"
    (record,) = road.events_of(namespace, device_id)
    assert record.event == "create"
    assert record.value["data"] == document
    assert record.value["meta"] == {"service": namespace}
    assert record.key == f"{namespace}:{device_id}"
    assert record.sequence == 1
    assert record.headers["dojot_writer"] == "git"


@pytest.mark.promise("late-template")
def test_a_device_before_its_template_waits_and_is_ready_within_two_seconds_of_its_arrival(
    road: Road, namespace: str
) -> None:
    road.kubectl.apply(a_device(namespace=namespace))
    waiting = road.wait_for("device", "freezer-7", namespace, "TemplatesResolved=False:TemplateNotFound")
    assert waiting["Ready"]["status"] == "False"
    assert '"thermometer"' in waiting["Ready"]["message"]
    assert road.row(namespace, "freezer-7") is None

    road.kubectl.apply(a_template(namespace=namespace))
    road.wait_for("device", "freezer-7", namespace, "Ready=True", "TemplatesResolved=True", within=2)


def test_applying_the_fleet_again_writes_nothing_anywhere(road: Road, fleet: str) -> None:
    before = everything(road, fleet)
    road.kubectl.apply(Path("examples/cold-chain"), server_side=False)
    road.kubectl.apply(Path("examples/cold-chain"), server_side=False)
    assert everything(road, fleet) == before


def test_restarting_the_operator_over_a_settled_fleet_writes_nothing_anywhere(road: Road, fleet: str) -> None:
    before = everything(road, fleet)
    road.operator.restart()
    eventually(lambda: road.operator.metrics()["device_manager_queue_depth"] == 0)
    assert everything(road, fleet) == before


def test_an_edit_of_a_device_is_exactly_one_update(road: Road, namespace: str) -> None:
    road.kubectl.apply([a_template(namespace=namespace), a_device(namespace=namespace)])
    device_id = road.ready("device", "freezer-7", namespace)["status"]["deviceId"]

    road.kubectl.apply(a_device(namespace=namespace, label="Freezer Seven"))
    road.ready("device", "freezer-7", namespace)

    records = road.events_of(namespace, device_id)
    assert [record.event for record in records] == ["create", "update"]
    assert [record.sequence for record in records] == [1, 2]
    assert records[1].value["data"]["label"] == "Freezer Seven"
    assert "updated" in records[1].value["data"]


def test_a_deletion_is_exactly_one_remove_and_row_and_object_are_gone(road: Road, namespace: str) -> None:
    road.kubectl.apply([a_template(namespace=namespace), a_device(namespace=namespace)])
    device_id = road.ready("device", "freezer-7", namespace)["status"]["deviceId"]

    road.kubectl.delete("device", "freezer-7", namespace, wait=True)

    assert road.row(namespace, "freezer-7") is None
    with pytest.raises(KubectlError, match="not found"):
        road.kubectl.get("device", "freezer-7", namespace)
    assert [record.event for record in road.events_of(namespace, device_id)] == ["create", "remove"]


@pytest.mark.promise("template-edit")
def test_an_edit_of_a_template_updates_each_of_its_devices_once(road: Road, namespace: str) -> None:
    names = [f"freezer-{number}" for number in range(5)]
    road.kubectl.apply([a_template(namespace=namespace), *(a_device(name, namespace) for name in names)])
    ids = [road.ready("device", name, namespace)["status"]["deviceId"] for name in names]
    versions = {
        name: road.kubectl.get("device", name, namespace)["metadata"]["resourceVersion"] for name in names
    }

    edited = changed(a_template(namespace=namespace), "spec.attributes.0.valueType", "integer")
    road.kubectl.apply(edited)
    road.wait_for("template", "thermometer", namespace, "Propagated=True")
    eventually(lambda: road.kubectl.get("template", "thermometer", namespace)["status"]["revision"] == 2)

    events = road.events(namespace)
    for device_id in ids:
        assert [one.event for one in events if one.id == device_id] == ["create", "update"]
    (told,) = [one for one in events if one.event == "template.update"]
    assert told.value["data"]["affected"] == sorted(ids)
    after = {
        name: road.kubectl.get("device", name, namespace)["metadata"]["resourceVersion"] for name in names
    }
    assert after == versions, "an edit of a template writes no device resource"


@pytest.mark.promise("template-in-use")
def test_a_template_in_use_is_deleted_once_its_devices_are_gone(road: Road, namespace: str) -> None:
    road.kubectl.apply([a_template(namespace=namespace), a_device(namespace=namespace)])
    road.ready("device", "freezer-7", namespace)

    road.kubectl.delete("template", "thermometer", namespace)
    blocked = road.wait_for("template", "thermometer", namespace, "DeletionBlocked=True:InUse")
    assert "1 device" in blocked["DeletionBlocked"]["message"]

    road.kubectl.delete("device", "freezer-7", namespace, wait=True)
    eventually(lambda: not road.kubectl.list("templates", namespace))
    assert not road.rows("SELECT * FROM template WHERE claim_namespace = :n", n=namespace)


def test_while_kafka_is_away_devices_register_and_their_records_follow_once(
    road: Road, namespace: str
) -> None:
    kafka = road.platform.parts["kafka"]
    road.kubectl.apply(a_template(namespace=namespace))
    kafka.stop()
    try:
        road.kubectl.apply(a_device(namespace=namespace))
        road.wait_for("device", "freezer-7", namespace, "Registered=True", "Ready=True", "Published=False")
    finally:
        kafka.start()
    device = road.ready("device", "freezer-7", namespace, within=60)
    records = road.events_of(namespace, device["status"]["deviceId"])
    assert [record.event for record in records] == ["create"]


def test_a_bad_manifest_is_refused_with_the_field_and_the_rule(road: Road, namespace: str) -> None:
    bad = a_template(namespace=namespace)
    bad["spec"]["attributes"][0]["label"] = "outside temperature"
    with pytest.raises(KubectlError, match=r"spec\.attributes\[0\]\.label.*should match"):
        road.kubectl.apply(bad)


def test_a_device_that_cannot_be_resolved_harms_no_other(road: Road, namespace: str) -> None:
    lost = a_device("lost", namespace, templates=[{"name": "nowhere"}])
    good = [a_device(f"good-{number}", namespace) for number in range(20)]
    road.kubectl.apply([lost, a_template(namespace=namespace), *good])
    for number in range(20):
        road.wait_for("device", f"good-{number}", namespace, "Ready=True")
    road.wait_for("device", "lost", namespace, "Ready=False:TemplateNotFound")


@pytest.mark.promise("one-id-twice")
def test_two_devices_of_one_id_leave_it_to_the_older(road: Road, namespace: str) -> None:
    road.kubectl.apply(a_template(namespace=namespace))
    road.kubectl.apply(a_device("older", namespace, deviceId="abc123"))
    road.ready("device", "older", namespace)
    road.kubectl.apply(a_device("younger", namespace, deviceId="abc123"))
    refused = road.wait_for("device", "younger", namespace, "Ready=False:IdentityConflict", "Stalled=True")
    assert f"{namespace}/older" in refused["Ready"]["message"]

    road.kubectl.delete("device", "older", namespace, wait=True)
    road.ready("device", "younger", namespace)
    events = road.events_of(namespace, "abc123")
    assert [one.event for one in events] == ["create", "remove", "create"]
    assert [one.sequence for one in events] == [1, 2, 3]


def everything(road: Road, namespace: str) -> str:
    """Versions of all objects, all rows and all records: what silence must not change."""
    objects = [
        (one["kind"], one["metadata"]["name"], one["metadata"]["resourceVersion"])
        for kind in ("devices", "templates")
        for one in road.kubectl.list(kind, namespace)
    ]
    rows = [
        road.rows(f"SELECT xmin::text, * FROM {table} ORDER BY 1, 2, 3")
        for table in ("device", "template", "template_attribute", "device_template", "outcome", "outbox")
    ]
    records = len(road.events("coldchain"))
    return json.dumps([objects, rows, records], default=str)
