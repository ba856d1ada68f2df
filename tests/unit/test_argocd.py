"""What Argo CD shows of a resource: the Lua, run on every status that the code makes of every reason."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51

from device_registry.domain.outcome import Usage
from device_registry.domain.reasons import Reason
from device_registry.manifests.names import PAUSED, REQUESTED_AT
from device_registry.manifests.status import Published, device_status, paused_status, template_status
from tests.support.builders import NOON, a_device, a_resource, a_template, an_outcome
from tests.support.kstatus import verdict

ARGOCD = Path(__file__).parents[2] / "deploy" / "argocd"
GENERATION = 3
DEVICE = a_resource(a_device(generation=GENERATION))
TEMPLATE = a_resource(a_template(generation=GENERATION))
SENT = Published(reason=Reason.ACKNOWLEDGED)

PUBLISHING = (Reason.ACKNOWLEDGED, Reason.PENDING, Reason.BROKER_UNAVAILABLE, Reason.QUARANTINED)
KEYS = (
    Reason.STORED,
    Reason.SECRET_NOT_FOUND,
    Reason.KEY_NOT_FOUND,
    Reason.INVALID_KEY,
    Reason.NO_SUCH_ATTRIBUTE,
    Reason.NOT_ENCRYPTED,
)
WHILE_DELETED = (Reason.REMOVED, Reason.RETAINED, Reason.IN_USE, Reason.DELETION_HELD)
"""Argo CD does not ask the Lua about an object that is being deleted."""
ELSEWHERE = (
    Reason.PAUSED,
    Reason.RESOLVED,
    Reason.PROPAGATED,
    Reason.IN_PROGRESS,
    Reason.OVERRIDES_UNUSED,
    Reason.DRIFTED,
    Reason.CLUSTER_UNAVAILABLE,
)
"""Reasons of conditions that do not decide, have a test of their own, or never stand in a status."""
DECIDED = tuple(set(Reason) - {*PUBLISHING, *KEYS, *WHILE_DELETED, *ELSEWHERE})
"""What may be decided about a resource: every reason that is not named above, so that a new one is tested."""

AS_KSTATUS = {"Current": "Healthy", "InProgress": "Progressing", "Failed": "Degraded"}


def statuses() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every status that the code makes, by the reason that it is about."""
    for reason in DECIDED:
        outcome = an_outcome(reason, generation=GENERATION, message="why")
        yield f"device {reason}", device_status(DEVICE, outcome, SENT, NOON)
        outcome = an_outcome(reason, generation=GENERATION, message="why", target="12")
        yield f"template {reason}", template_status(TEMPLATE, outcome, Usage(total=2, current=1), NOON)
    registered = an_outcome(Reason.REGISTERED, generation=GENERATION)
    for reason in PUBLISHING:
        yield f"device {reason}", device_status(DEVICE, registered, Published(reason=reason), NOON)
    for reason in KEYS:
        outcome = an_outcome(Reason.REGISTERED, generation=GENERATION, keys=reason, keys_message="why")
        yield f"device {reason}", device_status(DEVICE, outcome, SENT, NOON)


STATUSES = dict(statuses())


@pytest.mark.parametrize("what", STATUSES)
def test_health_is_what_kstatus_says_but_for_an_event_that_nobody_will_hear_of(what: str) -> None:
    expected = AS_KSTATUS[verdict(STATUSES[what], GENERATION)]
    if what == f"device {Reason.QUARANTINED}":
        expected = "Degraded"
    assert health(STATUSES[what])["status"] == expected


@pytest.mark.parametrize("what", STATUSES)
def test_the_message_tells_reason_and_sentence(what: str) -> None:
    shown = health(STATUSES[what])["message"]
    told = {f"{one['reason']}: {one['message']}" for one in STATUSES[what]["conditions"]}
    assert shown in told


def test_every_kind_of_health_is_reached() -> None:
    assert {health(status)["status"] for status in STATUSES.values()} == {
        "Healthy",
        "Progressing",
        "Degraded",
    }


@pytest.mark.parametrize("status", [None, {}, {"conditions": []}], ids=["none", "empty", "no conditions"])
def test_what_nobody_has_seen_yet_is_in_progress(status: dict[str, Any] | None) -> None:
    assert health(status)["status"] == "Progressing"


@pytest.mark.parametrize("what", [f"device {Reason.ACKNOWLEDGED}", f"device {Reason.INVALID_SPEC}"])
def test_a_status_of_an_older_generation_is_in_progress(what: str) -> None:
    assert health(STATUSES[what], GENERATION + 1)["status"] == "Progressing"


@pytest.mark.parametrize("what", [f"device {Reason.ACKNOWLEDGED}", f"device {Reason.INVALID_SPEC}"])
def test_what_is_paused_is_suspended_whatever_was_true_before(what: str) -> None:
    paused = a_resource(a_device(generation=GENERATION + 1), status=STATUSES[what])
    shown = health(paused_status(paused, NOON), GENERATION + 1)
    assert shown["status"] == "Suspended"
    assert PAUSED in shown["message"]


def test_pause_and_resume_are_offered_where_they_do_something() -> None:
    assert run("actions/discovery.lua", an_object()) == {
        "pause": {"disabled": False},
        "resume": {"disabled": True},
        "reconcile": {},
    }
    paused = an_object(**{PAUSED: "true"})
    assert run("actions/discovery.lua", paused)["pause"] == {"disabled": True}
    assert run("actions/discovery.lua", paused)["resume"] == {"disabled": False}


def test_the_actions_set_and_remove_the_annotations_that_the_operator_obeys() -> None:
    paused = run("actions/pause.lua", an_object(kept="1"))
    assert paused["metadata"]["annotations"] == {"kept": "1", PAUSED: "true"}
    assert run("actions/resume.lua", paused)["metadata"]["annotations"] == {"kept": "1"}
    asked = run("actions/reconcile.lua", {"metadata": {"name": "freezer"}})
    assert asked["metadata"]["annotations"][REQUESTED_AT].startswith("20")


def test_the_config_map_holds_these_scripts_for_both_kinds() -> None:
    data = yaml.safe_load((ARGOCD / "argocd-cm.yaml").read_text())["data"]
    for kind in ("Device", "Template"):
        assert data[f"resource.customizations.health.dojot.io_{kind}"] == (ARGOCD / "health.lua").read_text()
        actions = yaml.safe_load(data[f"resource.customizations.actions.dojot.io_{kind}"])
        assert actions["discovery.lua"] == (ARGOCD / "actions" / "discovery.lua").read_text()
        assert {one["name"] for one in actions["definitions"]} == {"pause", "resume", "reconcile"}


def an_object(**annotations: str) -> dict[str, Any]:
    return {"metadata": {"name": "freezer", "annotations": annotations}}


def health(status: dict[str, Any] | None, generation: int = GENERATION) -> dict[str, Any]:
    told = {} if status is None else {"status": json.loads(json.dumps(status))}
    return run("health.lua", {"metadata": {"name": "freezer", "generation": generation}, **told})


def run(script: str, obj: dict[str, Any]) -> dict[str, Any]:
    """What a script returns for an object, in a Lua like Argo CD's: 5.1."""
    lua = lua51.LuaRuntime(unpack_returned_tuples=True)
    lua.globals().obj = as_lua(lua, obj)
    found: dict[str, Any] = as_python(lua.execute((ARGOCD / script).read_text()))
    return found


def as_lua(lua: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return lua.table_from({name: as_lua(lua, one) for name, one in value.items()})
    if isinstance(value, list):
        return lua.table_from([as_lua(lua, one) for one in value])
    return value


def as_python(value: Any) -> Any:
    if lua51.lua_type(value) != "table":
        return value
    return {name: as_python(one) for name, one in value.items()}
