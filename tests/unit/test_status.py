"""The status tells what was decided, obeys kstatus, and does not move by itself."""

from dataclasses import replace
from typing import Any

import pytest

from device_registry.domain.model import Key, Kind
from device_registry.domain.outcome import Usage
from device_registry.domain.reasons import Reason
from device_registry.manifests.status import (
    Published,
    condition,
    device_status,
    is_true,
    template_status,
)
from tests.support.builders import NOON, a_device, a_resource, a_template, an_outcome, at
from tests.support.kstatus import check, check_step, verdict

DEVICE = a_resource(a_device(templates=["t1", "t2"], generation=3))
TEMPLATE = a_resource(a_template(generation=3))
SENT = Published(reason=Reason.ACKNOWLEDGED)
REFUSALS = [
    Reason.TEMPLATE_NOT_FOUND,
    Reason.TEMPLATE_TERMINATING,
    Reason.REGISTRY_UNAVAILABLE,
    Reason.INVALID_SPEC,
    Reason.ATTRIBUTE_CONFLICT,
    Reason.IDENTITY_CONFLICT,
    Reason.ALREADY_EXISTS,
    Reason.TENANT_CONFLICT,
    Reason.SECRET_NOT_FOUND,
    Reason.KEY_NOT_FOUND,
    Reason.INVALID_KEY,
    Reason.NO_SUCH_ATTRIBUTE,
]


def outcome(reason: Reason = Reason.REGISTERED, **more: Any) -> Any:
    return an_outcome(reason, **{"generation": 3, "message": "why", "templates": ("t1", "t2"), **more})


def template_outcome(reason: Reason = Reason.REGISTERED, **more: Any) -> Any:
    key = Key(Kind.TEMPLATE, "acme", "thermometer")
    return outcome(reason, **{"key": key, "target": "12", "revision": 4, "templates": (), **more})


def words(status: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}


@pytest.mark.parametrize(
    "reason", [Reason.SECRET_NOT_FOUND, Reason.INVALID_KEY, Reason.NO_SUCH_ATTRIBUTE, Reason.NOT_ENCRYPTED]
)
def test_a_device_without_its_keys_is_registered_and_published_but_not_ready(reason: Reason) -> None:
    status = device_status(DEVICE, outcome(keys=reason, keys_message="why"), SENT, NOON)
    assert words(status) == {
        "Ready": ("False", reason),
        "TemplatesResolved": ("True", "Resolved"),
        "CredentialsReady": ("False", reason),
        "Registered": ("True", "Registered"),
        "Published": ("True", "Acknowledged"),
        "Stalled": ("True", reason),
    }
    check(status, 3)


def test_a_device_with_its_keys_says_so() -> None:
    status = device_status(DEVICE, outcome(keys=Reason.STORED, keys_message="2 keys stored"), SENT, NOON)
    assert words(status)["CredentialsReady"] == ("True", "Stored")
    assert words(status)["Ready"] == ("True", "Registered")


def test_a_registered_device_is_ready() -> None:
    status = device_status(DEVICE, outcome(), SENT, NOON)
    assert words(status) == {
        "Ready": ("True", "Registered"),
        "TemplatesResolved": ("True", "Resolved"),
        "Registered": ("True", "Registered"),
        "Published": ("True", "Acknowledged"),
    }
    assert (status["deviceId"], status["templates"], status["observedGeneration"]) == ("a1b2c3", "t1,t2", 3)
    assert check(status, 3) == []
    assert verdict(status, 3) == "Current"


@pytest.mark.parametrize("reason", [Reason.PENDING, Reason.BROKER_UNAVAILABLE])
def test_a_device_is_ready_before_kafka_has_its_event(reason: Reason) -> None:
    status = device_status(DEVICE, outcome(), Published(reason=reason), NOON)
    assert words(status)["Published"] == ("False", reason.value)
    assert is_true(status, "Ready")
    assert check(status, 3) == []


@pytest.mark.parametrize("reason", REFUSALS)
def test_every_refusal_says_whether_somebody_must_act(reason: Reason) -> None:
    status = device_status(DEVICE, outcome(reason, target=""), None, NOON)
    found = words(status)
    ready = "Unknown" if reason is Reason.REGISTRY_UNAVAILABLE else "False"
    assert found["Ready"] == found["Registered"] == (ready, reason.value)
    assert found["Stalled" if reason.stalled else "Reconciling"] == ("True", reason.value)
    assert "Published" not in found
    assert "deviceId" not in status
    assert check(status, 3) == []
    assert verdict(status, 3) == ("Failed" if reason.stalled else "InProgress")


def test_only_reasons_about_templates_say_that_templates_are_not_resolved() -> None:
    about = {
        reason
        for reason in REFUSALS
        if "TemplatesResolved" in words(device_status(DEVICE, outcome(reason), None, NOON))
    }
    assert about == {Reason.TEMPLATE_NOT_FOUND, Reason.TEMPLATE_TERMINATING, Reason.ATTRIBUTE_CONFLICT}


def test_a_refused_edit_keeps_the_id_of_the_row() -> None:
    assert device_status(DEVICE, outcome(Reason.INVALID_SPEC), None, NOON)["deviceId"] == "a1b2c3"


def test_overrides_that_nothing_takes_are_named() -> None:
    status = device_status(DEVICE, outcome(unused=("typo (static)",)), SENT, NOON)
    found = condition(status, "OverridesUnused")
    assert found
    assert "typo (static)" in found["message"]
    assert check(status, 3) == []


def test_a_long_message_is_cut() -> None:
    status = device_status(DEVICE, outcome(Reason.INVALID_SPEC, message="x" * 9999), None, NOON)
    assert {len(one["message"]) for one in status["conditions"]} == {1024}


def test_the_same_decision_later_gives_the_same_status() -> None:
    status = device_status(DEVICE, outcome(), SENT, NOON)
    assert device_status(replace(DEVICE, status=status), outcome(), SENT, at(60)) == status


def test_only_conditions_that_turn_get_a_new_time() -> None:
    before = device_status(DEVICE, outcome(), Published(reason=Reason.PENDING), NOON)
    after = device_status(replace(DEVICE, status=before), outcome(), SENT, at(60))
    times = {one["type"]: one["lastTransitionTime"] for one in after["conditions"]}
    assert times.pop("Published") == "2026-01-01T13:00:00Z"
    assert set(times.values()) == {"2026-01-01T12:00:00Z"}
    assert check_step(before, after) == []


def test_a_new_generation_does_not_move_the_time() -> None:
    before = device_status(DEVICE, outcome(), SENT, NOON)
    later = replace(DEVICE, status=before, declared=a_device(generation=4))
    after = device_status(later, outcome(generation=4), SENT, at(60))
    assert {one["observedGeneration"] for one in after["conditions"]} == {4}
    assert check_step(before, after) == []
    assert check(after, 4) == []


def test_what_has_no_value_any_more_is_taken_away_by_null() -> None:
    before = device_status(replace(DEVICE, requested_at="now"), outcome(), SENT, NOON)
    assert before["lastHandledReconcileAt"] == "now"
    plain = replace(a_resource(a_device(templates=[])), status=before)
    after = device_status(plain, outcome(Reason.INVALID_SPEC, target=""), None, NOON)
    assert (after["deviceId"], after["templates"], after["lastHandledReconcileAt"]) == (None, None, None)


def test_what_never_had_a_value_is_left_out() -> None:
    status = device_status(a_resource(a_device(templates=[])), outcome(), SENT, NOON)
    assert status.keys() == {"observedGeneration", "deviceId", "conditions"}


# --- templates --------------------------------------------------------------------------------------


def test_a_template_shows_how_far_its_revision_has_come() -> None:
    status = template_status(TEMPLATE, template_outcome(), Usage(total=5, current=3), NOON)
    assert (status["templateId"], status["revision"], status["devices"]) == (
        12,
        4,
        {"total": 5, "current": 3},
    )
    assert words(status) == {
        "Ready": ("True", "Registered"),
        "Registered": ("True", "Registered"),
        "Propagated": ("False", "InProgress"),
    }
    assert check(status, 3) == []


@pytest.mark.parametrize("count", [0, 5])
def test_a_template_that_all_devices_show_is_propagated(count: int) -> None:
    status = template_status(TEMPLATE, template_outcome(), Usage(total=count, current=count), NOON)
    assert words(status)["Propagated"] == ("True", "Propagated")
    assert status["devices"] == {"total": count, "current": count}


def test_a_template_whose_deletion_waits_is_as_registered_as_before() -> None:
    waiting = template_outcome(Reason.IN_USE, message="5 devices use the template")
    status = template_status(replace(TEMPLATE, deleting=True), waiting, Usage(total=5, current=5), NOON)
    assert words(status)["DeletionBlocked"] == ("True", "InUse")
    assert words(status)["Ready"] == ("True", "Registered")
    assert check(status, 3) == []


@pytest.mark.parametrize("reason", [Reason.INVALID_SPEC, Reason.IDENTITY_CONFLICT, Reason.TENANT_CONFLICT])
def test_a_refused_template_is_stalled_and_counts_nothing(reason: Reason) -> None:
    refused = template_outcome(reason, target="", revision=0)
    status = template_status(TEMPLATE, refused, Usage(total=0, current=0), NOON)
    assert status.keys() == {"observedGeneration", "conditions"}
    assert words(status)["Stalled"] == ("True", reason.value)
    assert check(status, 3) == []


def test_a_condition_that_is_absent_is_not_true() -> None:
    assert condition({}, "Ready") is None
    assert not is_true({}, "Ready")
