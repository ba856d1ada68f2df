"""Pauses, requested looks, Kubernetes Events and older CRDs, as people see them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.crds import load
from tests.support.manifests import a_device, a_template
from tests.support.road import Road
from tests.support.waiting import eventually

PAUSED = "dojot.io/paused"
REQUESTED = "dojot.io/reconcile-requested-at"


def annotate(road: Road, namespace: str, annotation: str) -> None:
    road.kubectl.run("annotate", "device", "freezer-7", "-n", namespace, annotation, "--overwrite")


def told(road: Road, namespace: str, name: str = "freezer-7") -> list[str]:
    """Type and reason of the Events about a device, in the order of their times."""
    found = road.kubectl.list("events.events.k8s.io", namespace)
    ours = [one for one in found if one["regarding"]["name"] == name]
    return [f"{one['type']} {one['reason']}" for one in sorted(ours, key=lambda one: one["eventTime"])]


def test_a_paused_device_is_left_alone_from_its_creation_to_its_deletion(road: Road, namespace: str) -> None:
    paused = a_device(namespace=namespace)
    paused["metadata"]["annotations"] = {PAUSED: "true"}
    road.kubectl.apply([a_template(namespace=namespace), paused])
    eventually(lambda: "Paused" in road.conditions("device", "freezer-7", namespace))
    assert road.row(namespace, "freezer-7") is None
    assert eventually(lambda: road.operator.metrics()['device_manager_paused{what="resources"}']) == 1

    annotate(road, namespace, f"{PAUSED}-")
    device_id = road.ready("device", "freezer-7", namespace)["status"]["deviceId"]
    annotate(road, namespace, f"{PAUSED}=true")
    eventually(lambda: "Paused" in road.conditions("device", "freezer-7", namespace))
    before = road.row(namespace, "freezer-7")
    for label in ("One", "Two"):
        road.kubectl.patch("device", "freezer-7", namespace, {"spec": {"label": label}})
    eventually(lambda: road.operator.metrics()["device_manager_queue_depth"] == 0)
    assert road.row(namespace, "freezer-7") == before

    annotate(road, namespace, f"{PAUSED}-")
    road.ready("device", "freezer-7", namespace)
    assert "Paused" not in road.conditions("device", "freezer-7", namespace)
    annotate(road, namespace, f"{PAUSED}=true")
    road.kubectl.delete("device", "freezer-7", namespace, wait=True)
    records = road.events_of(namespace, device_id)
    assert [record.event for record in records] == ["create", "update", "remove"]
    assert records[1].value["data"]["label"] == "Two"


def test_a_requested_look_is_acknowledged_without_an_event(road: Road, namespace: str) -> None:
    road.kubectl.apply([a_template(namespace=namespace), a_device(namespace=namespace)])
    device_id = road.ready("device", "freezer-7", namespace)["status"]["deviceId"]
    annotate(road, namespace, f"{REQUESTED}=monday")

    def acknowledged() -> bool:
        status = road.kubectl.get("device", "freezer-7", namespace)["status"]
        return bool(status.get("lastHandledReconcileAt") == "monday")

    eventually(acknowledged)
    assert [record.event for record in road.events_of(namespace, device_id)] == ["create"]


def test_only_transitions_are_told_and_describe_shows_them(road: Road, namespace: str) -> None:
    road.kubectl.apply([a_template(namespace=namespace), a_device("winner", namespace, deviceId="abcd")])
    road.ready("device", "winner", namespace)
    road.kubectl.apply(a_device(namespace=namespace, deviceId="abcd"))
    road.wait_for("device", "freezer-7", namespace, "Stalled=True:IdentityConflict")
    eventually(lambda: told(road, namespace) == ["Warning IdentityConflict"])

    road.kubectl.delete("device", "winner", namespace, wait=True)
    road.ready("device", "freezer-7", namespace)
    eventually(lambda: told(road, namespace) == ["Warning IdentityConflict", "Normal Registered"])
    assert told(road, namespace, "winner") == []
    described = road.kubectl.run("describe", "device", "freezer-7", "-n", namespace)
    assert "IdentityConflict" in described.partition("Events:")[2]
    assert "device-manager" in described.partition("Events:")[2]
    assert road.operator.metrics()['device_manager_events_posted_total{code="201"}'] >= 2


@pytest.fixture
def paused(road: Road, namespace: str) -> Iterator[Road]:
    """The operator with PAUSED, over one settled device."""
    road.kubectl.apply([a_template(namespace=namespace), a_device(namespace=namespace)])
    road.ready("device", "freezer-7", namespace)
    road.operator.stop()
    road.operator.start(PAUSED="true")
    yield road
    road.operator.restart()


def test_a_paused_operator_only_deletes_and_applies_the_rest_when_it_goes_on(
    paused: Road, namespace: str
) -> None:
    paused.kubectl.apply([a_device(namespace=namespace, label="Later"), a_device("new", namespace)])
    paused.kubectl.apply(a_device("gone", namespace))
    assert paused.operator.metrics()['device_manager_paused{what="operator"}'] == 1
    paused.kubectl.delete("device", "gone", namespace, wait=True)
    assert paused.row(namespace, "new") is None
    assert "status" not in paused.kubectl.get("device", "new", namespace)

    paused.operator.restart()
    for name in ("freezer-7", "new"):
        paused.ready("device", name, namespace)
    assert paused.document(namespace, "freezer-7")["label"] == "Later"


@pytest.fixture
def older_definition(road: Road) -> Iterator[None]:
    """A cluster whose Device does not know `adoptionPolicy` yet."""
    current, older = load("devices"), load("devices")
    spec = older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    del spec["properties"]["adoptionPolicy"]
    install(road, older)
    yield
    install(road, current)
    road.operator.restart()


def install(road: Road, definition: dict[str, Any]) -> None:
    """Replace the definition: an apply would keep the fields that another manager owns."""
    name = definition["metadata"]["name"]
    found = json.loads(road.kubectl.run("get", "crd", name, "-o", "json"))
    road.kubectl.run("replace", "-f", "-", stdin=json.dumps({**found, "spec": definition["spec"]}))


def test_an_older_definition_is_told_about_and_does_not_stop_the_operator(
    road: Road, older_definition: None
) -> None:
    road.operator.restart()
    eventually(lambda: road.operator.metrics()["device_manager_crd_fields_missing"] == 1)
    assert "spec.adoptionPolicy" in road.operator.log.read_text()
