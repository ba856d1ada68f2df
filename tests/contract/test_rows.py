"""Rows come back as they were saved, whatever texts they hold."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device_registry.domain.model import DeviceId, DeviceRow, Document, RegisteredTemplate
from device_registry.domain.outcome import Usage
from device_registry.ports import Registry
from tests.support.builders import (
    ACME,
    a_device,
    a_metadata_override,
    a_row,
    a_template,
    an_attribute,
    an_entry,
    an_override,
    at,
    registered,
)

HOSTILE = [
    '"',
    "\\",
    '\\"',
    "{",
    "}",
    "{a,b}",
    ",",
    "NULL",
    "",
    " ",
    "é€😀",
    "%s",
    "%(tenant)s",
    ":x",
    "'; --",
    "\n\t",
]


def stored(registry: Registry, row: DeviceRow) -> DeviceRow:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_devices([row])
    with registry.transaction() as transaction:
        (found,) = transaction.devices([(ACME, row.id)], ())
    return found


def document(*terms: str) -> Document:
    return Document(body="{}", hash="h", terms=terms)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_survive(registry: Registry, text: str) -> None:
    declared = a_device("d", an_override(text, text), label=text, templates=())
    row = a_row(declared, document=document(text, f"{text}{text}"))
    assert stored(registry, row) == row


@given(terms=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_terms_survive(registry: Registry, terms: list[str]) -> None:
    row = a_row(a_device(templates=()), document=document(*terms))
    assert stored(registry, row) == row


def test_every_field_of_a_row_survives(registry: Registry) -> None:
    override = an_override("serial", None, metadata=(a_metadata_override(),))
    row = a_row(
        a_device("d", override, templates=(), id="FFee"),
        id="FFee",
        revision=9,
        updated=at(5),
        unclaimed_since=at(6),
    )
    assert stored(registry, row) == row
    assert stored(registry, replace(row, claim=None)) == replace(row, claim=None)


def test_ids_differ_by_case(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_devices([a_row(a_device("x"), id="b2"), a_row(a_device("y"), id="B2")])
        found = transaction.devices([(ACME, DeviceId("b2")), (ACME, DeviceId("B2"))], ())
    assert [row.id for row in found] == ["B2", "b2"]


def test_rows_are_found_by_id_and_by_claim_once(registry: Registry) -> None:
    rows = [a_row(a_device("x"), id="aa"), a_row(a_device("y"), id="bb")]
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_devices(rows)
        wanted = [(ACME, DeviceId("bb")), (ACME, DeviceId("zz"))]
        found = transaction.devices(wanted, [("acme", "x"), ("acme", "y"), ("acme", "z")])
    assert list(found) == rows


def a_rich_template() -> RegisteredTemplate:
    entry = an_entry(value=None)
    return registered(
        a_template("t", an_attribute(metadata=(entry, an_entry("acc"))), an_attribute("x", "meta"))
    )


def test_a_template_survives_with_its_attributes_in_order(registry: Registry) -> None:
    template = replace(a_rich_template(), updated=at(3), generation=4)
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_template(template)
    with registry.transaction() as transaction:
        assert transaction.template(ACME, 1) == template
        assert transaction.template_at(("acme", "t")) == template
        assert transaction.templates([("acme", "t"), ("acme", "u")]) == {("acme", "t"): template}
        assert transaction.templates_of([a_row(templates={1: 1})]) == {(ACME, 1): template}
        assert transaction.template(ACME, 2) is None


def test_saving_a_template_does_not_say_that_it_was_propagated(registry: Registry) -> None:
    template = a_rich_template()
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_template(template)
        transaction.mark_propagated(template)
        transaction.save_template(replace(template, revision=2, propagated_revision=0))
        found = transaction.template(ACME, 1)
    assert found
    assert (found.revision, found.propagated_revision) == (2, 1)
    assert registry.unpropagated() == [(ACME, 1)]


def test_a_template_knows_who_uses_it_and_who_is_behind(registry: Registry) -> None:
    template = registered(a_template())
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_template(template)
        rows = [a_row(a_device(f"d{n}"), id=f"d{n}", templates={1: 1}) for n in range(4)]
        transaction.save_devices(rows)
        edited = replace(template, revision=2)
        transaction.save_template(edited)
        transaction.save_devices([replace(rows[0], templates={1: 2})])
        transaction.mark_tried(edited, [rows[2]])
        assert transaction.usage(ACME, 1) == Usage(total=4, current=1, stale=2)
        assert transaction.users(ACME, 1) == ["d0", "d1", "d2", "d3"]
        assert transaction.users(ACME, 1, limit=2) == ["d0", "d1"]
        assert transaction.stale_devices(edited, 10) == [rows[1], rows[3]]
        assert transaction.stale_devices(edited, 1) == [rows[1]]


def test_a_device_that_leaves_a_template_is_no_user(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_template(registered(a_template("t1"), 1))
        transaction.save_template(registered(a_template("t2"), 2, first=9))
        transaction.save_devices([a_row(templates={2: 1, 1: 1})])
        transaction.save_devices([a_row(templates={2: 1})])
        assert transaction.users(ACME, 1) == []
        assert transaction.users(ACME, 2) == ["a1b2c3"]
        (row,) = transaction.devices([(ACME, DeviceId("a1b2c3"))], ())
    assert dict(row.templates) == {2: 1}


def test_templates_of_a_row_keep_their_order(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        for template_id in (1, 2, 3):
            name = f"t{template_id}"
            transaction.save_template(registered(a_template(name), template_id, first=template_id * 10))
        transaction.save_devices([a_row(templates={3: 1, 1: 1, 2: 1})])
        (row,) = transaction.devices([(ACME, DeviceId("a1b2c3"))], ())
    assert list(row.templates) == [3, 1, 2]


def test_a_removed_row_is_gone_and_no_user(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_template(registered(a_template()))
        transaction.save_devices([a_row(templates={1: 1})])
        transaction.remove_devices([(ACME, DeviceId("a1b2c3")), (ACME, DeviceId("never"))])
        assert transaction.users(ACME, 1) == []
        transaction.remove_template(ACME, 1)
        assert transaction.template(ACME, 1) is None
