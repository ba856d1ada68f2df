"""The watcher finds what it is there to find."""

from pathlib import Path
from typing import Any

from tests.support.watcher import StatusWatcher


def a_watcher() -> StatusWatcher:
    return StatusWatcher(Path("kubeconfig-of-nobody"))


def a_device(status: str, since: str = "2026-01-01T12:00:00Z") -> dict[str, Any]:
    ready = {
        "type": "Ready",
        "status": status,
        "reason": "Registered",
        "message": "m",
        "observedGeneration": 1,
        "lastTransitionTime": since,
    }
    metadata = {"namespace": "acme", "name": "d", "uid": "u", "generation": 1, "resourceVersion": "7"}
    return {
        "kind": "Device",
        "metadata": metadata,
        "status": {"observedGeneration": 1, "conditions": [ready]},
    }


def test_a_status_that_breaks_a_rule_is_told_once_with_the_name_of_its_object() -> None:
    watcher = a_watcher()
    watcher.look("MODIFIED", a_device("False"))
    (problem,) = watcher.take()
    assert "Device acme/d" in problem
    assert "neither Reconciling nor Stalled" in problem
    assert watcher.take() == []


def test_a_step_that_breaks_a_rule_is_told() -> None:
    watcher = a_watcher()
    watcher.look("ADDED", a_device("True"))
    assert watcher.take() == []
    watcher.look("MODIFIED", a_device("True", since="2026-01-01T12:00:01Z"))
    assert "lastTransitionTime moved without the status" in watcher.take()[0]


def test_a_namesake_of_an_object_that_is_gone_begins_anew() -> None:
    watcher = a_watcher()
    watcher.look("ADDED", a_device("True"))
    watcher.look("DELETED", a_device("True"))
    watcher.look("ADDED", a_device("True", since="2026-01-01T12:00:01Z"))
    assert (watcher.take(), watcher.statuses) == ([], 2)
