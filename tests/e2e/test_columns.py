"""What people see of devices and templates with kubectl alone: columns, selectors, explanations."""

from __future__ import annotations

from typing import Any

import pytest

from device_registry.domain.reasons import Reason
from device_registry.manifests.status import Published, device_status
from tests.support.builders import NOON, a_resource, an_outcome
from tests.support.kubectl import Kubectl, KubectlError
from tests.support.manifests import a_device, a_template

NAMES = {"dvc": "freezer-7", "dvt": "thermometer"}
MOMENT = "2026-11-23T10:00:00Z"


def condition(kind: str, status: str, reason: str) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "",
        "observedGeneration": 1,
        "lastTransitionTime": MOMENT,
    }


DEVICE_STATUS = {
    "observedGeneration": 1,
    "deviceId": "a1b2c3",
    "templates": "thermometer,gateway",
    "lastHandledReconcileAt": MOMENT,
    "conditions": [
        condition("Registered", "True", "Registered"),
        condition("Published", "False", "BrokerUnavailable"),
        condition("Ready", "True", "Registered"),
    ],
}
TEMPLATE_STATUS = {
    "observedGeneration": 1,
    "templateId": 12,
    "revision": 4,
    "devices": {"total": 60, "current": 59},
    "conditions": [condition("Ready", "False", "InProgress")],
}


@pytest.fixture
def reported(kubectl: Kubectl, namespace: str) -> str:
    """Return a namespace with a device and a template whose status is written."""
    device = a_device(namespace=namespace, deviceId="a1b2c3", label="Freezer 7")
    template = a_template(namespace=namespace, templateId=12, label="Thermometer")
    kubectl.apply([device, template])
    _report(kubectl, "dvc", "freezer-7", namespace, DEVICE_STATUS)
    _report(kubectl, "dvt", "thermometer", namespace, TEMPLATE_STATUS)
    return namespace


def test_a_device_shows_its_state_in_columns(kubectl: Kubectl, reported: str) -> None:
    header, row = _table(kubectl, "dvc", reported)
    assert header == ["NAME", "ID", "TEMPLATES", "READY", "REASON", "PUBLISHED", "AGE"]
    expected = ["freezer-7", "a1b2c3", "thermometer,gateway", "True", "Registered", "False"]
    assert row[:-1] == expected


def test_the_wide_table_adds_the_label(kubectl: Kubectl, reported: str) -> None:
    header, row = _table(kubectl, "dvc", reported, "-o", "wide")
    assert header[-1] == "LABEL"
    assert row[-2:] == ["Freezer", "7"]


def test_a_template_shows_how_far_it_has_reached_its_devices(kubectl: Kubectl, reported: str) -> None:
    header, row = _table(kubectl, "dvt", reported)
    assert header == ["NAME", "ID", "DEVICES", "CURRENT", "READY", "AGE"]
    assert row[:-1] == ["thermometer", "12", "60", "59", "False"]


def test_the_category_iot_lists_both_kinds(kubectl: Kubectl, reported: str) -> None:
    names = kubectl.run("get", "iot", "-n", reported, "-o", "name").split()
    assert names == ["device.dojot.io/freezer-7", "template.dojot.io/thermometer"]


@pytest.mark.parametrize(
    ("kind", "selector", "found"),
    [
        ("dvc", "spec.deviceId=a1b2c3", ["freezer-7"]),
        ("dvc", "spec.label=Freezer 7", ["freezer-7"]),
        ("dvc", "status.deviceId=a1b2c3", ["freezer-7"]),
        ("dvc", "status.deviceId=other", []),
        ("dvt", "spec.templateId=12", ["thermometer"]),
        ("dvt", "spec.label=Thermometer", ["thermometer"]),
        ("dvt", "status.templateId=12", ["thermometer"]),
        ("dvt", "status.templateId=13", []),
    ],
)
def test_ids_and_labels_select(
    kubectl: Kubectl, reported: str, kind: str, selector: str, found: list[str]
) -> None:
    items = kubectl.list(kind, reported, f"--field-selector={selector}")
    assert [item["metadata"]["name"] for item in items] == found


def test_writing_the_status_leaves_the_generation_alone(kubectl: Kubectl, reported: str) -> None:
    assert kubectl.get("dvc", "freezer-7", reported)["metadata"]["generation"] == 1
    assert kubectl.get("dvc", "freezer-7", reported)["status"] == DEVICE_STATUS
    assert kubectl.get("dvt", "thermometer", reported)["status"] == TEMPLATE_STATUS


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("dvc", {"deviceId": "a" * 65}, ("deviceId", "may not be more than 64")),
        ("dvc", {"templates": "a" * 4097}, ("templates", "may not be more than 4096")),
        ("dvc", {"lastHandledReconcileAt": "a" * 257}, ("lastHandledReconcileAt", "more than 256")),
        ("dvc", {"observedGeneration": -1}, ("observedGeneration", "greater than or equal to 0")),
        ("dvt", {"templateId": 0}, ("templateId", "greater than or equal to 1")),
        ("dvt", {"revision": -1}, ("revision", "greater than or equal to 0")),
        ("dvt", {"devices": {"total": -1}}, ("devices.total", "greater than or equal to 0")),
        ("dvt", {"devices": {"current": -1}}, ("devices.current", "greater than or equal to 0")),
    ],
)
def test_a_status_beyond_a_bound_is_refused(
    kubectl: Kubectl, reported: str, kind: str, status: dict[str, Any], expected: tuple[str, str]
) -> None:
    with pytest.raises(KubectlError) as refused:
        _report(kubectl, kind, NAMES[kind], reported, status)
    field, rule = expected
    assert f"status.{field}: " in str(refused.value)
    assert rule in str(refused.value)


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"status": "Maybe"}, 'Unsupported value: "Maybe"'),
        ({"type": "Not ready"}, "type in body should match"),
        ({"type": "R" * 317}, "may not be more than 316"),
        ({"reason": ""}, "should be at least 1 chars long"),
        ({"reason": "Not found"}, "reason in body should match"),
        ({"reason": "R" * 1025}, "may not be more than 1024"),
        ({"message": "m" * 32769}, "may not be more than 32768"),
        ({"observedGeneration": -1}, "greater than or equal to 0"),
        ({"lastTransitionTime": "today"}, "must be of type date-time"),
    ],
)
def test_a_condition_beyond_a_bound_is_refused(
    kubectl: Kubectl, reported: str, kind: str, change: dict[str, Any], rule: str
) -> None:
    status = {"conditions": [condition("Ready", "True", "Registered") | change]}
    (field,) = change
    with pytest.raises(KubectlError) as refused:
        _report(kubectl, kind, NAMES[kind], reported, status)
    assert f"status.conditions[0].{field}: " in str(refused.value)
    assert rule in str(refused.value)


@pytest.mark.parametrize("kind", NAMES)
def test_more_conditions_than_there_can_be_are_refused(kubectl: Kubectl, reported: str, kind: str) -> None:
    many = [condition(f"Number{number}", "True", "Counted") for number in range(33)]
    with pytest.raises(KubectlError, match=r"status\.conditions: Too many: 33: must have at most 32"):
        _report(kubectl, kind, NAMES[kind], reported, {"conditions": many})


def test_a_condition_stands_in_the_status_once(kubectl: Kubectl, reported: str) -> None:
    twice = {"conditions": [condition("Ready", "True", "Registered")] * 2}
    with pytest.raises(KubectlError, match=r'conditions\[1\]: Duplicate value: {"type":"Ready"}'):
        _report(kubectl, "dvc", "freezer-7", reported, twice)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("device.spec.templates", "metadata.name of a Template in the same namespace"),
        ("device.spec.deviceId", "Immutable once set"),
        ("device.spec.attributes.staticValue", "Left out: inherited"),
        ("template.spec.attributes", "static (a fixed value), dynamic (reported by the device)"),
        ("template.spec.compatibility", "ENUM:"),
    ],
)
def test_kubectl_explains_a_field(kubectl: Kubectl, field: str, expected: str) -> None:
    assert expected in " ".join(kubectl.run("explain", field).split())


def _report(kubectl: Kubectl, kind: str, name: str, namespace: str, status: Any) -> None:
    kubectl.patch(kind, name, namespace, {"status": status}, "--subresource=status")


def _table(kubectl: Kubectl, kind: str, namespace: str, *arguments: str) -> list[list[str]]:
    printed = kubectl.run("get", kind, "-n", namespace, *arguments)
    return [line.split() for line in printed.splitlines()]


@pytest.mark.promise("conditions-stored")
def test_every_status_is_stored_as_it_was_computed(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(a_device(namespace=namespace))
    for reason in Reason:
        outcome = an_outcome(
            reason, message="ü" * 2_000, unused=tuple(f"override-{number} (static)" for number in range(256))
        )
        computed = device_status(a_resource(), outcome, Published(reason=Reason.PENDING), NOON)
        kubectl.patch("device", "freezer-7", namespace, {"status": computed}, "--subresource=status")
        stored = kubectl.get("device", "freezer-7", namespace)["status"]
        assert stored == {field: value for field, value in computed.items() if value is not None}
