"""The oracle of the topics cries out at what it is there for; one that is always content proves nothing."""

import json
from typing import Any

import pytest

from tests.faults.storm.streams import Arrived, Streams


def record(event: str, sequence: int, **changes: Any) -> Arrived:
    """A record of device d1 of tenant acme; `changes` replace parts of it."""
    headers = {
        "ce_id": f"acme/d1/{sequence}",
        "ce_subject": "d1",
        "dojot_sequence": str(sequence),
        "dojot_revision": str(changes.get("revision", sequence)),
    }
    data = {"id": "d1", "label": changes.get("label", f"label {sequence}")}
    value = json.dumps({"event": event, "data": data}).encode()
    return Arrived("acme", changes.get("partition", 0), {**headers, **changes.get("headers", {})}, value)


def heard(*records: Arrived) -> Streams:
    streams = Streams()
    for one in records:
        streams.hear(one)
    return streams


CREATE, UPDATE, REMOVE = record("create", 1), record("update", 2), record("remove", 3)


def test_a_life_in_order_is_what_is_wanted() -> None:
    streams = heard(CREATE, UPDATE, REMOVE, record("create", 4))
    assert streams.violations == []
    assert streams.sequences() == {("acme", "d1"): 4}
    assert streams.documents() == {("acme", "d1"): {"id": "d1", "label": "label 4"}}
    assert streams.events == {"create": 2, "update": 1, "remove": 1}


def test_a_removed_device_has_no_document() -> None:
    assert heard(CREATE, UPDATE, REMOVE).documents() == {}


def test_the_same_event_twice_is_counted_and_allowed() -> None:
    streams = heard(CREATE, CREATE, UPDATE)
    assert (streams.violations, streams.doubles, streams.late_doubles) == ([], 1, 0)


def test_a_double_after_its_successor_is_counted_as_late() -> None:
    streams = heard(CREATE, UPDATE, CREATE)
    assert (streams.violations, streams.doubles, streams.late_doubles) == ([], 1, 1)
    assert streams.documents()["acme", "d1"]["label"] == "label 2"


@pytest.mark.parametrize(
    ("records", "wrong"),
    [
        ([CREATE, REMOVE], "#3 came after #1"),
        ([UPDATE], "#2 came after #0"),
        ([CREATE, record("create", 1, label="other")], "came again and says something else"),
        ([CREATE, record("create", 1, headers={"dojot_writer": "x"})], "came again and says something else"),
        ([CREATE, record("create", 2)], "creates what exists"),
        ([record("update", 1)], "tells update of what does not exist"),
        ([CREATE, record("update", 2, partition=1)], "moved from partition 0 to 1"),
        ([CREATE, record("update", 2, revision=0)], "shows revision 0 after 1"),
        ([record("create", 1, headers={"ce_id": "acme/d1/7"})], "calls itself acme/d1/7"),
    ],
)
def test_what_must_not_be_is_told(records: list[Arrived], wrong: str) -> None:
    (told,) = heard(*records).violations
    assert wrong in told
