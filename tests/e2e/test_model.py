"""Random lives of a fleet, against a plain model: registry, statuses and the Kafka log must agree with it.

A failure prints the steps that led to it; MODEL_SEED replays or varies them, MODEL_EXAMPLES and MODEL_STEPS
make more of them.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, assume, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.support.fleet_model import Attributes, Device, Fleet, Shown, Spec
from tests.support.manifests import a_device, a_template
from tests.support.road import Road
from tests.support.waiting import eventually

SEED = int(os.environ.get("MODEL_SEED", "1"))
EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "3"))
STEPS = int(os.environ.get("MODEL_STEPS", "25"))
SETTLING_SECONDS = 60

TEMPLATES = ("t0", "t1", "t2")
DEVICES = ("d0", "d1", "d2", "d3", "d4")
IDS = (None, None, "a1", "a2")
"""Two devices may well want the same id."""
LABELS = ("shared", "own-0", "own-1")
TYPES = ("static", "dynamic")
VALUES = ("1", "2", "")

attributes = st.dictionaries(
    st.tuples(st.sampled_from(LABELS), st.sampled_from(TYPES)),
    st.none() | st.sampled_from(VALUES),
    max_size=3,
)
specs = st.builds(
    Spec,
    label=st.sampled_from(["A", "B", "C"]),
    templates=st.lists(st.sampled_from(TEMPLATES), max_size=2, unique=True).map(tuple),
    overrides=st.dictionaries(
        st.tuples(st.sampled_from(LABELS), st.sampled_from(TYPES)), st.sampled_from(VALUES), max_size=2
    ).map(lambda chosen: tuple(sorted(chosen.items()))),
)


class Life(RuleBasedStateMachine):
    """One fleet in a namespace of its own; every rule is done to the cluster and to the model."""

    road: Road

    def __init__(self) -> None:
        super().__init__()
        self.namespace = self.road.kubectl.create_namespace(f"life-{uuid4().hex[:8]}")
        self.fleet = Fleet()
        self.away = False

    # --- what people do ---------------------------------------------------------------------------------

    @rule(name=st.sampled_from(TEMPLATES), attributes=attributes)
    def apply_template(self, name: str, attributes: Attributes) -> None:
        assume(name not in self.fleet.leaving)
        entries = [
            {"label": label, "type": kind, "valueType": "string"}
            | ({} if value is None else {"staticValue": value})
            for (label, kind), value in attributes.items()
        ]
        self._put(a_template(name, self.namespace, label=name, attributes=entries))
        self.fleet.templates[name] = attributes
        self._compare()

    @rule(name=st.sampled_from(TEMPLATES))
    def delete_template(self, name: str) -> None:
        assume(name in self.fleet.templates and name not in self.fleet.leaving)
        self.road.kubectl.delete("template", name, self.namespace)
        self.fleet.leaving.add(name)
        self._compare()

    @rule(name=st.sampled_from(DEVICES), spec=specs, device_id=st.sampled_from(IDS))
    def apply_device(self, name: str, spec: Spec, device_id: str | None) -> None:
        known = self.fleet.devices.get(name)
        device_id = known.id if known else device_id
        applied = self._apply(name, spec, device_id)
        if known:
            known.spec = spec
        else:
            self.fleet.devices[name] = Device(spec, device_id, applied)
        self._compare()

    @rule(name=st.sampled_from(DEVICES))
    def delete_device(self, name: str) -> None:
        assume(name in self.fleet.devices)
        self.road.kubectl.delete("device", name, self.namespace)
        del self.fleet.devices[name]
        self._compare()

    @precondition(lambda self: not self.away)
    @rule(name=st.sampled_from(DEVICES))
    def pause_or_go_on(self, name: str) -> None:
        assume(name in self.fleet.devices)
        device = self.fleet.devices[name]
        change = "dojot.io/paused-" if device.paused else "dojot.io/paused=true"
        self.road.kubectl.run("annotate", "device", name, "-n", self.namespace, change)
        device.paused = not device.paused
        self._compare()

    # --- what befalls the operator ----------------------------------------------------------------------

    @precondition(lambda self: not self.away)
    @rule()
    def kill_the_operator(self) -> None:
        self.road.operator.kill()
        self.road.operator.start()
        self._compare()

    @precondition(lambda self: not self.away)
    @rule()
    def stop_the_operator(self) -> None:
        self.road.operator.stop()
        self.away = True

    @precondition(lambda self: self.away)
    @rule()
    def start_the_operator(self) -> None:
        self.road.operator.start()
        self.away = False
        self._compare()

    def teardown(self) -> None:
        if self.away:
            self.start_the_operator()
        assert self._disagreements() == []
        assert faults_of_the_log(self.road, self.namespace) == []
        self.road.kubectl.run("delete", "namespace", self.namespace, "--timeout=60s")

    # --- comparing --------------------------------------------------------------------------------------

    def _apply(self, name: str, spec: Spec, device_id: str | None) -> datetime:
        manifest = a_device(
            name,
            self.namespace,
            label=spec.label,
            templates=[{"name": one} for one in spec.templates],
            attributes=[
                {"label": label, "type": kind, "staticValue": value}
                for (label, kind), value in spec.overrides
            ],
            **({"deviceId": device_id} if device_id else {}),
        )
        self._put(manifest)
        found = self.road.kubectl.get("device", name, self.namespace)
        return datetime.fromisoformat(found["metadata"]["creationTimestamp"])

    def _put(self, manifest: dict[str, Any]) -> None:
        """Server-side apply; an empty list is left out, because the API server would make null of it."""
        spec = {field: value for field, value in manifest["spec"].items() if value != []}
        self.road.kubectl.apply({**manifest, "spec": spec})

    def _compare(self) -> None:
        if self.away:
            return
        self.fleet.settle()
        eventually(lambda: not self._disagreements(), within=SETTLING_SECONDS, what=self._state())

    def _state(self) -> str:
        return f"agreement of the cluster with {self.fleet}: {self._disagreements()}"

    def _disagreements(self) -> list[str]:
        listed = self.road.kubectl.list("devices,templates", self.namespace)
        found = {(one["kind"], one["metadata"]["name"]): one for one in listed}
        claimed = "SELECT * FROM device WHERE claim_namespace = :n"
        rows = {row["claim_name"]: row for row in self.road.rows(claimed, n=self.namespace)}
        return [
            *self._about_templates({name: one for (kind, name), one in found.items() if kind == "Template"}),
            *(
                text
                for name in DEVICES
                for text in self._about_device(name, found.get(("Device", name)), rows.get(name))
            ),
        ]

    def _about_templates(self, found: dict[str, Any]) -> Iterator[str]:
        if found.keys() != self.fleet.templates.keys():
            yield f"templates {sorted(found)}"
        for name in found.keys() & self.fleet.templates.keys():
            wanted = {"DeletionBlocked": "True"} if name in self.fleet.leaving else {"Ready": "True"}
            yield from _differing(found[name], wanted)

    def _about_device(self, name: str, found: Any, row: Any) -> Iterator[str]:
        device = self.fleet.devices.get(name)
        if device is None or found is None:
            if row or found or device:
                yield f"{name}: declared {device is not None}, there {bool(found)}, registered {bool(row)}"
            return
        if self.fleet.tied(name):
            return
        shown = self._shown(row) if row else None
        if shown != device.shown:
            yield f"{name} shows {shown}, not {device.shown}"
        yield from self._about_status(name, device, found)

    def _about_status(self, name: str, device: Device, found: Any) -> Iterator[str]:
        problem = self.fleet.problem(name)
        if device.paused:
            yield from _differing(found, {"Paused": "True"})
        elif problem:
            yield from _differing(found, {"Ready": "False"}, problem)
        else:
            yield from _differing(found, {"Ready": "True", "Published": "True"})

    def _shown(self, row: Any) -> Shown:
        document = json.loads(row["document"])
        rows = self.road.rows("SELECT id, claim_name FROM template WHERE tenant = :t", t=row["tenant"])
        names = {str(one["id"]): one["claim_name"] for one in rows}
        view = frozenset(
            (names[template], one["label"], one["type"], one.get("static_value"), _overridden(one))
            for template, entries in document["attrs"].items()
            for one in entries
        )
        used = tuple(sorted(names[str(one)] for one in document["templates"]))
        return Shown(document["label"], used, view)


def _overridden(attribute: dict[str, Any]) -> bool:
    return bool(attribute.get("is_static_overridden"))


def _differing(found: dict[str, Any], wanted: dict[str, str], reasons: str = "") -> Iterator[str]:
    """What an object says that is not wanted, or says of an earlier generation."""
    name, status = found["metadata"]["name"], found.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions", ())}
    for condition, value in wanted.items():
        said = conditions.get(condition, {})
        current = condition == "Paused" or status.get("observedGeneration") == found["metadata"]["generation"]
        if said.get("status") != value or not current:
            yield f"{name}: {condition} is {said.get('status')} ({said.get('reason')}), not {value}"
        elif reasons and said["reason"] not in reasons:
            yield f"{name}: {condition} says {said['reason']}, not {reasons}"


def faults_of_the_log(road: Road, namespace: str) -> list[str]:
    """Where Kafka's log has a hole or a disorder, or tells another end than the registry."""
    streams = defaultdict(list)
    for record in road.events(namespace):
        streams[record.key].append(record)
    problems = [
        f"{key}: sequences {[one.sequence for one in records]}"
        for key, records in streams.items()
        if [one.sequence for one in records] != list(range(1, len(records) + 1))
    ]
    rows = {row["id"]: row for row in road.rows("SELECT * FROM device WHERE tenant = :t", t=namespace)}
    told = {records[-1].id: records[-1] for records in streams.values() if records[-1].id}
    alive = {device_id for device_id, last in told.items() if last.event != "remove"}
    if alive != rows.keys():
        problems.append(f"alive in the log {sorted(alive)}, in the registry {sorted(rows)}")
    return problems + [
        f"{device_id}: the last event is not the row"
        for device_id in alive & rows.keys()
        if told[device_id].value["data"] != json.loads(rows[device_id]["document"])
    ]


@pytest.mark.timeout(1800)
def test_whatever_befalls_a_fleet_ends_where_the_model_ends(road: Road) -> None:
    life = type("LifeOnTheRoad", (Life,), {"road": road})
    run_state_machine_as_test(
        seed(SEED)(life),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
