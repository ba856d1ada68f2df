"""Overrides by ids become overrides by label and type, or are refused by the id that is wrong."""

from datetime import UTC, datetime
from typing import Any

import pytest

from device_api.bodies import new_device
from device_api.overrides import translate
from device_api.problems import Problem
from device_registry.domain.model import (
    MetadataOverride,
    Override,
    RegisteredAttribute,
    RegisteredMetadata,
    RegisteredTemplate,
    Tenant,
)

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
REST: dict[str, Any] = {"value_type": "string", "static_value": None, "created": NOON}
UNIT = RegisteredMetadata(id=30, label="unit", type="meta", **REST)
TEMPLATE = RegisteredTemplate(
    tenant=Tenant("acme"),
    id=1,
    label="t",
    revision=1,
    created=NOON,
    attributes=(
        RegisteredAttribute(id=10, label="serial", type="static", **REST),
        RegisteredAttribute(id=20, label="loc", type="dynamic", metadata=(UNIT,), **REST),
    ),
)


def translated(*entries: dict[str, Any]) -> tuple[Override, ...]:
    labelled = [{"label": str(index), **entry} for index, entry in enumerate(entries)]
    body = new_device({"label": "d", "attrs": labelled}, with_id=False)
    return translate(body.overrides, [TEMPLATE])


def test_an_attribute_is_found_by_its_id_as_number_or_text() -> None:
    expected = (Override(label="serial", type="static", static_value="x"),)
    assert translated({"id": 10, "template_id": 1, "static_value": "x"}) == expected
    assert translated({"id": "10", "template_id": "1", "static_value": "x"}) == expected


def test_metadata_alone_may_be_overridden() -> None:
    entry = {"id": 20, "template_id": 1, "metadata": [{"id": 30, "static_value": "rad"}]}
    unit = MetadataOverride(label="unit", type="meta", static_value="rad")
    assert translated(entry) == (Override(label="loc", type="dynamic", metadata=(unit,)),)


def test_what_was_shown_as_the_templates_value_is_no_override_unless_it_differs_now() -> None:
    shown = {"id": 10, "template_id": 1, "static_value": None, "is_static_overridden": False}
    assert translated(shown) == ()
    edited = shown | {"static_value": "mine"}
    assert translated(edited) == (Override(label="serial", type="static", static_value="mine"),)
    entry = {"id": 30, "static_value": "K", "is_static_overridden": False}
    (kept,) = translated({"id": 20, "template_id": 1, "metadata": [entry]})
    assert kept.metadata == (MetadataOverride(label="unit", type="meta", static_value="K"),)


def test_null_is_no_override_and_empty_text_is_one() -> None:
    nothing = {
        "id": 20,
        "template_id": 1,
        "static_value": None,
        "metadata": [{"id": 30, "static_value": None}],
    }
    empty = {"id": 10, "template_id": 1, "static_value": ""}
    assert translated(nothing, empty) == (Override(label="serial", type="static", static_value=""),)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"id": 10, "template_id": 7}, "Unknown template 7 in attr list"),
        ({"id": 10, "template_id": "x"}, "Unknown template x in attr list"),
        ({"id": 10, "template_id": None}, "Unknown template null in attr list"),
        ({"id": 424242, "template_id": 1}, "Unknown attribute 424242 in override list"),
        ({"id": "abc", "template_id": 1}, "Unknown attribute abc in override list"),
        ({"id": True, "template_id": 1}, "Unknown attribute true in override list"),
        (
            {"id": 20, "template_id": 1, "metadata": [{"id": "abc"}]},
            "Unknown metadata attribute abc in override list",
        ),
        (
            {"id": 10, "template_id": 1, "metadata": [{"id": 30, "static_value": "x"}]},
            "Unknown attribute 10 in override list",
        ),
        (
            {"id": 20, "template_id": 1, "metadata": [{"id": 31}, {"id": 30}]},
            "Unknown attribute 20 in override list",
        ),
    ],
)
def test_what_the_templates_do_not_have_is_named(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(Problem) as problem:
        translated(entry)
    assert problem.value.body == {"message": message, "status": 400}


def test_two_overrides_of_one_attribute_are_refused_whatever_their_labels() -> None:
    entry = {"id": 10, "template_id": 1, "static_value": "x"}
    with pytest.raises(Problem) as problem:
        translated(entry, entry)
    assert problem.value.body["message"] == ["a device can not have repeated attributes"]
