"""The helper finds what it is there to find."""

from copy import deepcopy
from typing import Any

import pytest

from tests.support.kstatus import check, check_step, verdict


def a_condition(name: str = "Ready", status: str = "True", **more: Any) -> dict[str, Any]:
    known = {"reason": "Registered", "message": "m", "observedGeneration": 2}
    return {"type": name, "status": status, "lastTransitionTime": "2026-01-01T12:00:00Z", **known, **more}


def a_status(*conditions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"observedGeneration": 2, "conditions": list(conditions or [a_condition()]), **more}


NOT_READY = a_condition(status="False")


@pytest.mark.parametrize(
    "status",
    [
        {},
        a_status(),
        a_status(NOT_READY, a_condition("Stalled")),
        a_status(a_condition(status="Unknown"), a_condition("Reconciling")),
        a_status(a_condition(), a_condition("OverridesUnused")),
    ],
)
def test_good_ones_pass(status: dict[str, Any]) -> None:
    assert check(status, 2) == []


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (a_status(a_condition("Registered")), "Ready is missing"),
        (a_status(a_condition(), a_condition()), "twice"),
        (a_status(deviceId=None), "null"),
        (a_status(observedGeneration=3), "ahead"),
        ({"conditions": []}, "observedGeneration is missing"),
        (a_status(a_condition(observedGeneration=1)), "differs"),
        (a_status(a_condition(status="true")), "status is true"),
        (a_status(a_condition(reason="")), "no reason"),
        (a_status(a_condition(reason="not one word")), "no reason"),
        (a_status(a_condition(message="")), "no message"),
        (a_status(a_condition(lastTransitionTime="noon")), "no time"),
        (a_status(a_condition(), a_condition("Paused", "False")), "without being true"),
        (a_status(a_condition(), a_condition("Stalled")), "not done"),
        (a_status(NOT_READY, a_condition("Stalled"), a_condition("Reconciling")), "together"),
        (a_status(NOT_READY), "what comes next"),
        (a_status(a_condition(status="Unknown"), a_condition("Stalled")), "must be False"),
    ],
)
def test_bad_ones_are_found(status: dict[str, Any], problem: str) -> None:
    assert any(problem in one for one in check(status, 2))


def test_a_time_that_moves_by_itself_is_found() -> None:
    before = a_status()
    after = deepcopy(before)
    assert check_step(before, after) == []
    after["conditions"][0]["lastTransitionTime"] = "2026-01-01T13:00:00Z"
    assert check_step(before, after) == ["Ready: lastTransitionTime moved without the status"]
    after["conditions"][0]["status"] = "False"
    assert check_step(before, after) == []
    assert check_step(after, before) == ["Ready: lastTransitionTime went back"]
    assert check_step(before, a_status(a_condition("Registered"))) == ["Ready has gone"]


@pytest.mark.parametrize(
    ("status", "generation", "word"),
    [
        ({}, 1, "InProgress"),
        (a_status(), 2, "Current"),
        (a_status(), 3, "InProgress"),
        (a_status(NOT_READY, a_condition("Stalled")), 2, "Failed"),
        (a_status(NOT_READY, a_condition("Reconciling")), 2, "InProgress"),
    ],
)
def test_the_verdict_is_that_of_kstatus(status: dict[str, Any], generation: int, word: str) -> None:
    assert verdict(status, generation) == word
