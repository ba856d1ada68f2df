"""The verdict of a storm: content with a world that agrees, and loud about everything that does not."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from device_registry.domain.errors import ClusterUnavailable, Conflict
from device_registry.domain.model import Key, Kind
from tests.faults.storm.ledger import Ledger, NoAnswer, Wanted
from tests.faults.storm.streams import Arrived, Streams
from tests.faults.storm.verdict import Snapshot, differences

DEVICE = Key(Kind.DEVICE, "acme", "d")
BASE, NORTH = Key(Kind.TEMPLATE, "acme", "base"), Key(Kind.TEMPLATE, "acme", "north")
WANTED = Wanted("a label", "SN-1", ("base", "north"))
DOCUMENT = {
    "label": "a label",
    "attrs": {
        "1": [{"type": "static", "label": "serial", "static_value": "SN-1"}],
        "2": [{"type": "static", "label": "site-north", "static_value": "here"}, {"type": "dynamic"}],
    },
}


def resource(key: Key, wanted: Wanted, *conditions: str) -> dict[str, Any]:
    label = "serial" if key.kind is Kind.DEVICE else f"site-{key.name}"
    spec = {
        "label": wanted.label,
        "attributes": [{"label": label, "type": "static", "staticValue": wanted.value}],
        "templates": [{"name": name} for name in wanted.templates],
    }
    told = [{"type": name, "status": "True", "reason": "", "message": ""} for name in conditions]
    return {
        "kind": key.kind.value,
        "metadata": {"name": key.name, "namespace": key.namespace, "generation": 2},
        "spec": spec,
        "status": {"observedGeneration": 2, "conditions": told},
    }


@dataclass
class World:
    """Everything in agreement, for a test to spoil."""

    ledger: Ledger = field(default_factory=Ledger)
    streams: Streams = field(default_factory=Streams)

    def __post_init__(self) -> None:
        templates = {BASE: Wanted("base", ""), NORTH: Wanted("north", "here")}
        for key, wanted in {**templates, DEVICE: WANTED}.items():
            with self.ledger.asking("git", self.ledger.slot(key), wanted):
                pass
        self.tell("create", 1)
        row = {
            "tenant": "acme",
            "id": "d1",
            "claim_namespace": "acme",
            "claim_name": "d",
            "document": json.dumps(DOCUMENT),
        }
        objects = {key: resource(key, wanted, "Ready", "Propagated") for key, wanted in templates.items()}
        objects[DEVICE] = resource(DEVICE, WANTED, "Ready", "Published")
        self.seen = Snapshot(objects, [row], {("acme", "d1"): 1}, 0, 0)

    def tell(self, event: str, sequence: int) -> None:
        headers = {
            "ce_id": f"acme/d1/{sequence}",
            "ce_subject": "d1",
            "dojot_sequence": str(sequence),
            "dojot_revision": "1",
        }
        value = json.dumps({"event": event, "data": DOCUMENT}).encode()
        self.streams.hear(Arrived("acme", 0, headers, value))

    def change(self, **changes: Any) -> None:
        self.seen = replace(self.seen, **changes)


def judged(world: World) -> list[str]:
    return differences(world.ledger, world.seen, world.streams)


def test_a_world_that_agrees_is_well() -> None:
    assert judged(World()) == []


def fail(error: Exception) -> None:
    raise error


def lose_the_object(world: World) -> None:
    world.change(
        objects={key: one for key, one in world.seen.objects.items() if key != DEVICE},
        rows=[],
    )
    world.tell("remove", 2)
    world.change(sequences={("acme", "d1"): 2})


def declare_something_else(world: World) -> None:
    world.seen.objects[DEVICE]["spec"]["label"] = "an older label"


def add_an_object(world: World) -> None:
    with_one_more = {**world.seen.objects, Key(Kind.TEMPLATE, "acme", "stray"): world.seen.objects[NORTH]}
    world.change(objects=with_one_more)


def fall_behind(world: World) -> None:
    world.seen.objects[DEVICE]["status"]["observedGeneration"] = 1


def be_unpublished(world: World) -> None:
    world.seen.objects[DEVICE]["status"]["conditions"][1]["status"] = "False"


def keep_an_old_value(world: World) -> None:
    world.seen.objects[NORTH]["spec"]["attributes"][0]["staticValue"] = "elsewhere"
    world.ledger.slot(NORTH).possible = [Wanted("north", "elsewhere")]


def keep_a_row(world: World) -> None:
    world.change(rows=[*world.seen.rows, {**world.seen.rows[0], "claim_name": "gone", "id": "d2"}])


def lose_the_row(world: World) -> None:
    world.change(rows=[])


def keep_an_event(world: World) -> None:
    world.change(unsent=1)


def give_an_event_up(world: World) -> None:
    world.change(quarantined=1)


def lose_an_event(world: World) -> None:
    world.change(sequences={("acme", "d1"): 2})


def tell_something_else(world: World) -> None:
    world.change(rows=[{**world.seen.rows[0], "document": json.dumps({**DOCUMENT, "more": 1})}])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lose_the_object, "Device acme/d declares None, acknowledged was one of"),
        (declare_something_else, "acknowledged was one of"),
        (add_an_object, "was never asked for"),
        (fall_behind, "shows generation 1 of 2"),
        (be_unpublished, "has Published ('False'"),
        (keep_an_old_value, "'site-north': 'here'} instead of"),
        (keep_a_row, "the row of acme/gone has no resource"),
        (lose_the_row, "the row of Device acme/d shows None"),
        (keep_an_event, "1 events wait to be sent"),
        (give_an_event_up, "1 events are put aside"),
        (lose_an_event, "Kafka has 1 events of 2"),
        (tell_something_else, "Kafka shows"),
    ],
)
def test_what_does_not_agree_is_told(spoil: Callable[[World], None], told: str) -> None:
    world = World()
    spoil(world)
    assert any(told in one for one in judged(world)), judged(world)


def test_a_write_without_an_answer_may_have_been_carried_out_or_not() -> None:
    ledger = Ledger()
    slot = ledger.slot(DEVICE)
    for error in (NoAnswer(), ClusterUnavailable()):
        with ledger.asking("git", slot, WANTED):
            fail(error)
    assert slot.allows(None)
    assert slot.allows(WANTED)
    ledger.found(slot, WANTED)
    assert slot.certain
    assert ledger.broken == []


def test_a_refused_write_leaves_what_was() -> None:
    ledger = Ledger()
    with ledger.asking("git", ledger.slot(DEVICE), WANTED):
        fail(Conflict())
    assert ledger.slot(DEVICE).possible == [None]
    assert ledger.answers == {("git", "refused"): 1}


def test_finding_what_nobody_asked_for_is_a_broken_answer() -> None:
    ledger = Ledger()
    ledger.found(ledger.slot(DEVICE), WANTED)
    assert len(ledger.broken) == 1
