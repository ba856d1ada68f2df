"""Which objects a worker must look at."""

from typing import Any

import pytest

from device_operator.needs import needs_work
from device_registry.manifests import FINALIZER
from tests.support.builders import a_device, a_resource


def conditions(**statuses: str) -> list[dict[str, str]]:
    return [{"type": name, "status": status} for name, status in statuses.items()]


SETTLED = {
    "observedGeneration": 3,
    "lastHandledReconcileAt": "monday",
    "conditions": conditions(Ready="True", Published="True"),
}


def settled(**more: Any) -> Any:
    return a_resource(
        a_device(generation=3),
        **{"finalizers": (FINALIZER,), "requested_at": "monday", "status": SETTLED, **more},
    )


def test_a_settled_object_needs_nothing() -> None:
    assert not needs_work(settled())


def test_a_new_object_needs_work() -> None:
    assert needs_work(a_resource())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"finalizers": ("another.io/finalizer",)}, id="our finalizer is missing"),
        pytest.param({"deleting": True}, id="it is being deleted and our finalizer holds it"),
        pytest.param({"status": {**SETTLED, "observedGeneration": 2}}, id="its generation is new"),
        pytest.param({"status": {**SETTLED, "conditions": []}}, id="it was never said to be ready"),
        pytest.param(
            {"status": {**SETTLED, "conditions": conditions(Ready="Unknown")}}, id="its readiness is unknown"
        ),
        pytest.param(
            {"status": {**SETTLED, "conditions": conditions(Ready="True", Published="False")}},
            id="its event was not sent",
        ),
        pytest.param(
            {"status": {**SETTLED, "conditions": conditions(Ready="True", Propagated="False")}},
            id="its edit did not reach all devices",
        ),
        pytest.param({"requested_at": "tuesday"}, id="a look was requested"),
        pytest.param({"requested_at": ""}, id="the request was taken back"),
        pytest.param({"paused": True}, id="the pause is not acknowledged"),
        pytest.param(
            {"status": {**SETTLED, "conditions": conditions(Ready="True", Paused="True")}},
            id="the pause is over",
        ),
    ],
)
def test_an_object_needs_work_when(change: dict[str, Any]) -> None:
    assert needs_work(settled(**change))


def test_a_paused_object_needs_nothing_once_that_is_acknowledged() -> None:
    status = {**SETTLED, "observedGeneration": 1, "conditions": conditions(Ready="False", Paused="True")}
    assert not needs_work(settled(paused=True, status=status))


def test_a_paused_object_can_be_deleted() -> None:
    assert needs_work(settled(paused=True, deleting=True))


def test_an_object_that_others_hold_after_our_release_needs_nothing() -> None:
    assert not needs_work(settled(deleting=True, finalizers=("another.io/finalizer",)))
