"""The checks that need more than one object, each with the sentence that helps."""

import re
from dataclasses import replace
from typing import Any

import pytest

from device_registry.domain.errors import Refused
from device_registry.domain.model import Compatibility
from device_registry.domain.reasons import Reason
from device_registry.domain.rules import (
    Violation,
    attribute_ids_are_free,
    attributes_do_not_clash,
    check_device,
    edit_is_compatible,
    id_is_free_for_template,
    pins_are_distinct,
    pins_are_kept,
    templates_are_registered,
)
from tests.support.builders import (
    NOON,
    a_claim,
    a_device,
    a_static,
    a_template,
    an_attribute,
    an_entry,
    registered,
)

THERMOMETER = registered(a_template())
BACKWARD = Compatibility.BACKWARD


def test_messages_name_three_at_the_most() -> None:
    found = templates_are_registered(a_device(templates="abcde").spec, {})
    assert found
    assert '5 templates that the device names: "a", "b", "c" and 2 more' in found.message


def test_the_same_label_with_another_type_is_no_clash() -> None:
    other = registered(a_template("u", an_attribute("temperature", "static")), 2)
    templates = {"thermometer": THERMOMETER, "u": other}
    assert attributes_do_not_clash(a_device(templates=templates).spec, templates) is None


def test_what_is_missing_is_said_before_what_clashes() -> None:
    templates = {"thermometer": THERMOMETER, "u": THERMOMETER}
    missing = check_device(a_device(templates=["thermometer", "u", "x"]).spec, templates)
    clash = check_device(a_device(templates=["thermometer", "u"]).spec, templates)
    assert missing
    assert clash
    assert (missing.reason, clash.reason) == (Reason.TEMPLATE_NOT_FOUND, Reason.ATTRIBUTE_CONFLICT)


def test_a_pinned_row_is_free_when_it_is_absent_ours_or_unclaimed() -> None:
    mine, other = a_claim("thermometer"), a_claim("other")
    assert id_is_free_for_template(mine, None) is None
    assert id_is_free_for_template(mine, THERMOMETER) is None
    assert id_is_free_for_template(other, replace(THERMOMETER, unclaimed_since=NOON)) is None
    assert id_is_free_for_template(other, replace(THERMOMETER, claim=None)) is None
    taken = id_is_free_for_template(other, THERMOMETER)
    assert taken
    assert taken.reason is Reason.IDENTITY_CONFLICT


@pytest.mark.parametrize(
    ("edited", "message"),
    [
        (a_template(), None),
        (a_template(template_id=1), None),
        (a_template("t", an_attribute(id=1)), None),
        (a_template("t", an_attribute("new", id=77)), None),
        (a_template(template_id=2), "registered as 1 and cannot become 2"),
        (
            a_template("t", a_static(), an_attribute(id=2)),
            r"spec.attributes\[1\].id: .* 1 and cannot become 2",
        ),
    ],
)
def test_a_pin_names_the_same_thing_as_before(edited: Any, message: str | None) -> None:
    found = pins_are_kept(edited.spec, THERMOMETER)
    assert bool(found) == bool(message)
    assert not message or (found and re.search(message, found.message))


def test_a_pin_of_a_metadata_entry_names_the_same_entry_as_before() -> None:
    recorded = registered(a_template("t", an_attribute(metadata=(an_entry(),))))
    kept = a_template("t", an_attribute(metadata=(an_entry(id=2), an_entry("new", id=7))))
    assert pins_are_kept(kept.spec, recorded) is None
    moved = pins_are_kept(a_template("t", an_attribute(metadata=(an_entry(id=5),))).spec, recorded)
    assert moved
    assert "spec.attributes[0].metadata[0].id: the entry is registered as 2" in moved.message


@pytest.mark.parametrize(
    ("edited", "clash"),
    [
        (a_template(), False),
        (a_template("t", an_attribute(id=5), an_attribute("b", id=6)), False),
        (a_template("t", an_attribute(id=5), an_attribute("b", id=5)), True),
        (a_template("t", an_attribute(id=5, metadata=(an_entry(id=5),))), True),
        (a_template("t", an_attribute(), an_attribute("b", id=1)), True),
    ],
)
def test_no_two_entries_share_a_pin(edited: Any, clash: bool) -> None:
    assert bool(pins_are_distinct(edited.spec, THERMOMETER)) is clash


def test_nothing_is_kept_of_a_template_that_is_not_there() -> None:
    assert pins_are_kept(a_template(template_id=9).spec, None) is None
    assert pins_are_distinct(a_template().spec, None) is None


def test_an_attribute_id_of_another_template_is_taken() -> None:
    assert attribute_ids_are_free(1, {}) is None
    assert attribute_ids_are_free(1, {5: 1}) is None
    assert attribute_ids_are_free(None, {5: 1})
    taken = attribute_ids_are_free(1, {7: 3, 6: 2})
    assert taken
    assert "pinned id 6 belongs to the template 2" in taken.message


@pytest.mark.parametrize(
    ("attributes", "users", "compatibility", "refused"),
    [
        ((a_static(),), 2, BACKWARD, True),
        ((a_static(), an_attribute(value_type="integer")), 2, BACKWARD, True),
        ((a_static(), an_attribute(static_value="1"), an_attribute("new")), 2, BACKWARD, False),
        ((a_static(),), 0, BACKWARD, False),
        ((a_static(),), 2, Compatibility.NONE, False),
    ],
)
def test_backward_compatibility_protects_what_is_used(
    attributes: Any, users: int, compatibility: Compatibility, refused: bool
) -> None:
    spec = a_template("t", *attributes, compatibility=compatibility).spec
    assert bool(edit_is_compatible(spec, THERMOMETER, users)) is refused
    assert edit_is_compatible(spec, None, users) is None


def test_a_violation_becomes_the_error_with_its_reason() -> None:
    error = Violation(reason=Reason.INVALID_SPEC, message="why").refuse()
    assert isinstance(error, Refused)
    assert (error.reason, error.message) == (Reason.INVALID_SPEC, "why")
