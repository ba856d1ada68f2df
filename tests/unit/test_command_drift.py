"""`device-manager drift`: in what resource, row and events differ."""

from dataclasses import replace
from typing import Any

import pytest

from device_manager.actions.drift import record, summary
from device_manager.comparison import Found, compare
from device_manager.lastwords import with_last_word
from device_manager.standing import Standing
from device_registry.domain.model import Declared, Document, Kind
from device_registry.domain.rendering import to_json
from device_registry.registry.overview import Publication
from tests.support.builders import (
    ACME,
    NOON,
    a_claim,
    a_device,
    a_metadata_override,
    a_resource,
    a_row,
    a_static,
    a_template,
    an_attribute,
    an_entry,
    an_override,
    registered,
)

DEVICE = a_device("freezer-7", an_override(), id="a1b2c3")
TEMPLATE = a_template("thermometer", an_attribute(metadata=(an_entry(),)), a_static())
WAITING = Standing(ready=False, reason="TemplateNotFound", message="waiting for it", published=False)


def a_found(declared: Declared[Any] | None = DEVICE, **more: Any) -> Found:
    """A device as declared, with the row that fits."""
    resource = a_resource(declared, paused=more.pop("paused", False)) if declared else None
    key = declared.key if declared else None
    fields = {"kind": Kind.DEVICE, "tenant": ACME, "key": key, "resource": resource, "row": a_row(DEVICE)}
    return Found(**{**fields, **more})


def a_template_found(declared: Declared[Any] = TEMPLATE, **more: Any) -> Found:
    row = replace(registered(TEMPLATE), claim=TEMPLATE.claim, generation=1)
    return a_found(declared, kind=Kind.TEMPLATE, **{"row": row, **more})


def differences(found: Found) -> list[str]:
    return list(compare(found).differences)


def test_what_fits_does_not_differ() -> None:
    assert differences(a_found()) == []
    assert differences(a_template_found()) == []


@pytest.mark.parametrize(
    ("device", "told"),
    [
        ({"label": "new"}, ['label: declared "new", registered "freezer-7"']),
        ({"templates": ["other"]}, ["templates: declared other, registered thermometer"]),
        ({"id": "beef"}, ['deviceId: declared "beef", registered "a1b2c3"']),
        ({"id": None}, []),
    ],
)
def test_a_device_that_is_declared_otherwise_names_the_field(device: dict[str, Any], told: list[str]) -> None:
    declared = a_device(**{"name": "freezer-7", "id": "a1b2c3", **device})
    declared = replace(declared, spec=replace(declared.spec, overrides=DEVICE.spec.overrides))
    assert differences(a_found(declared)) == told


def test_overrides_are_named_by_label_and_type_in_any_order() -> None:
    more = an_override("site", "cellar")
    row = a_row(a_device("freezer-7", an_override(), more, id="a1b2c3"))
    assert differences(a_found(a_device("freezer-7", more, an_override(), id="a1b2c3"), row=row)) == []
    changed = a_device("freezer-7", an_override(value="x", metadata=(a_metadata_override(),)), id="a1b2c3")
    assert differences(a_found(changed, row=row)) == [
        'attributes.serial (static).staticValue: declared "x", registered "mine"',
        'attributes.serial (static).metadata: declared unit (meta) staticValue "kelvin", registered nothing',
        'attributes.site (static): declared nothing, registered staticValue "cellar"',
    ]


def test_a_template_differs_in_what_it_declares_and_not_in_ids_that_it_leaves_open() -> None:
    pinned = a_template("thermometer", an_attribute(metadata=(an_entry(),), id=1), a_static(id=9))
    assert differences(a_template_found(pinned)) == [
        "attributes.serial (static).id: declared 9, registered 2"
    ]
    other = a_template("thermometer", an_attribute(metadata=(an_entry(value="kelvin"),)), template_id=4)
    assert differences(a_template_found(other)) == [
        (
            'attributes.temperature (dynamic).metadata.unit (meta).staticValue: declared "kelvin",'
            ' registered "celsius"'
        ),
        'attributes.serial (static): declared nothing, registered valueType "string", staticValue "s0"',
        "templateId: declared 4, registered 1",
    ]


def test_one_side_alone_says_which() -> None:
    assert differences(a_found(row=None, standing=WAITING)) == [
        "not registered: TemplateNotFound: waiting for it"
    ]
    assert differences(a_found(None)) == ["not declared: no resource stands behind the row"]
    assert differences(a_found(None, problem="no shape")) == ["no shape"]


def test_a_row_behind_its_resource_says_why() -> None:
    declared = replace(DEVICE, generation=2)
    assert differences(a_found(declared, standing=WAITING)) == [
        "behind: generation 1 is registered, 2 declared (TemplateNotFound: waiting for it)"
    ]


def test_a_row_that_was_changed_or_passed_by_is_told() -> None:
    assert differences(a_found(intact=False)) == ["drifted: the row was changed by hand"]
    assert differences(a_found(behind=("thermometer",))) == [
        "not propagated: an edit of thermometer has not reached the device"
    ]


def test_events_that_are_not_in_kafka_are_counted() -> None:
    assert differences(a_found(publication=Publication(sequence=4))) == []
    assert differences(a_found(publication=Publication(sequence=4, waiting=2))) == [
        "not published: 2 of its events wait in the outbox"
    ]
    aside = a_found(publication=Publication(sequence=4, quarantined=1), last_word="published otherwise")
    assert differences(aside) == [
        "not published: 1 of its events are in quarantine, see device-manager quarantine list",
        "published otherwise",
    ]


def test_a_row_that_waits_for_a_paused_resource_does_not_differ_unless_taking_it_would_be_an_update() -> None:
    row = replace(a_row(DEVICE), claim=a_claim(uid=""), unclaimed_since=NOON)
    waiting = compare(a_found(row=row, paused=True))
    assert (waiting.differences, waiting.reserved) == ((), True)
    assert differences(a_found(row=row)) == ["not claimed yet: the operator has not looked at the resource"]
    changed = replace(DEVICE, spec=replace(DEVICE.spec, label="new"))
    assert differences(a_found(changed, row=row, paused=True)) == [
        "not claimed yet: claiming it would be an update",
        'label: declared "new", registered "freezer-7"',
    ]


def test_the_comparison_is_told_as_data_and_in_a_sentence() -> None:
    lines = [compare(a_found(publication=Publication(sequence=2))), compare(a_found(None))]
    assert record(lines[0]) == {
        "kind": "Device",
        "tenant": "acme",
        "namespace": "acme",
        "name": "freezer-7",
        "id": "a1b2c3",
        "declared": {"generation": 1},
        "registered": {"generation": 1, "revision": 1, "claimed": True},
        "published": {"sequence": 2, "waiting": 0},
        "reserved": False,
        "differences": [],
    }
    assert summary(lines) == "1 resource and 2 rows compared: 1 differs."
    assert summary(lines[:1]) == "1 resource and 1 row compared: no difference."


@pytest.mark.parametrize("published", [None, "cafe", "beef"])
def test_a_key_in_the_last_event_is_no_difference(published: str | None) -> None:
    attribute = {"label": "key", "type": "static", "value_type": "psk"}
    body = to_json({"id": "a1b2c3", "attrs": {"1": [attribute]}})
    row = a_row(DEVICE, document=Document(body=body, hash="", terms=()))
    told = {**attribute, **({"static_value": published} if published else {})}
    last: Any = {(row.tenant, row.id): {"id": "a1b2c3", "attrs": {"1": [told]}}}
    assert with_last_word(a_found(row=row), last).last_word == ""
    other: Any = {(row.tenant, row.id): {"id": "a1b2c3", "attrs": {"1": [{**told, "label": "another"}]}}}
    assert with_last_word(a_found(row=row), other).last_word.startswith("published otherwise")
