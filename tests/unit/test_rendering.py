"""Documents have the shapes of the dojot contract, taken here from exchanges recorded with the original."""

import json
from dataclasses import replace
from typing import Any

import pytest

from device_registry.domain.model import (
    Declared,
    DeviceId,
    DeviceSpec,
    Document,
    RegisteredTemplate,
    TemplateSpec,
)
from device_registry.domain.rendering import (
    Identity,
    device_document,
    template_view,
    timestamp,
    to_json,
    unused_overrides,
)
from tests.support.builders import (
    ACME,
    NOON,
    a_device,
    a_metadata_override,
    a_static,
    a_template,
    an_attribute,
    an_entry,
    an_override,
    at,
    registered,
)

TS = "2026-01-01T12:00:00.000000+00:00"


def model() -> Declared[TemplateSpec]:
    """The template of the recorded scenario `device_overrides`."""
    location = (an_entry("unit", "deg"), an_entry("acc", "5"))
    return a_template(
        "Model",
        an_attribute("temp"),
        a_static("serial", "s0"),
        a_static("nostatic", None),
        an_attribute("loc", value_type="geo", metadata=location),
    )


def document(device: Declared[DeviceSpec], *templates: RegisteredTemplate, updated: Any = None) -> Document:
    identity = Identity(tenant=ACME, id=DeviceId("e1"), created=NOON, updated=updated)
    return device_document(identity, device.spec, templates or [registered(model())])


def attribute(document: Document, label: str) -> dict[str, Any]:
    groups = json.loads(document.body)["attrs"].values()
    (found,) = [one for group in groups for one in group if one["label"] == label]
    return dict(found)


def recorded(label: str, id_: int, type_: str, value_type: str, **more: Any) -> dict[str, Any]:
    known = {"label": label, "id": id_, "type": type_, "value_type": value_type, "template_id": "1"}
    return {**known, "created": TS, **more}


def entry(label: str, id_: int, value: str | None, **more: Any) -> dict[str, Any]:
    known = {"label": label, "id": id_, "type": "meta", "value_type": "string", "static_value": value}
    return {**known, "created": TS, "updated": None, **more}


def test_a_plain_device_shows_its_template_and_what_is_not_overridden() -> None:
    own = {"is_static_overridden": False}
    metadata = [entry("unit", 5, "deg", **own), entry("acc", 6, "5", **own)]
    assert json.loads(document(a_device(label="plain")).body) == {
        "id": "e1",
        "label": "plain",
        "created": TS,
        "templates": [1],
        "attrs": {
            "1": [
                recorded("temp", 1, "dynamic", "float"),
                recorded("serial", 2, "static", "string", static_value="s0", is_static_overridden=False),
                recorded("nostatic", 3, "static", "string"),
                recorded("loc", 4, "dynamic", "geo", metadata=metadata),
            ]
        },
    }


@pytest.mark.parametrize(
    ("override", "value", "overridden"),
    [
        (an_override("serial", "mine"), "mine", True),
        (an_override("serial", "s0"), "s0", True),
        (an_override("serial", ""), "", True),
        (an_override("serial", None), "s0", False),
        (an_override("nostatic", "now"), "now", True),
        (an_override("temp", "20", type="dynamic"), "20", True),
    ],
)
def test_an_override_counts_wherever_there_is_a_value(override: Any, value: str, overridden: bool) -> None:
    shown = attribute(document(a_device("d", override)), override.label)
    assert (shown["static_value"], shown["is_static_overridden"]) == (value, overridden)


def test_an_attribute_without_a_value_shows_no_override_mark() -> None:
    shown = attribute(document(a_device()), "nostatic")
    assert "static_value" not in shown
    assert "is_static_overridden" not in shown


def test_metadata_alone_can_be_overridden() -> None:
    override = an_override("loc", None, type="dynamic", metadata=(a_metadata_override("unit", "rad"),))
    shown = attribute(document(a_device("d", override)), "loc")
    assert [(one["static_value"], one["is_static_overridden"]) for one in shown["metadata"]] == [
        ("rad", True),
        ("5", False),
    ]
    assert "is_static_overridden" not in shown


def test_an_override_of_another_type_is_not_taken() -> None:
    assert attribute(document(a_device("d", an_override("temp", "20"))), "temp").keys() == {
        "label",
        "id",
        "type",
        "value_type",
        "template_id",
        "created",
    }


def test_metadata_shows_null_where_attributes_leave_out() -> None:
    template = registered(a_template("t", an_attribute(metadata=(an_entry(value=None),))))
    (shown,) = template_view(template)["attrs"]
    assert shown["metadata"] == [entry("unit", 2, None)]
    assert "static_value" not in shown
    assert "updated" not in shown
    (in_device,) = attribute(document(a_device(), template), "temperature")["metadata"]
    assert in_device == entry("unit", 2, None)


def test_an_empty_template_has_an_empty_list_in_the_device() -> None:
    empty = registered(replace(model(), spec=TemplateSpec(label="empty")))
    assert json.loads(document(a_device(), empty).body)["attrs"] == {"1": []}


def test_a_device_without_templates_has_no_attributes() -> None:
    shown = json.loads(
        device_document(Identity(tenant=ACME, id=DeviceId("e1"), created=NOON), a_device().spec, []).body
    )
    assert (shown["templates"], shown["attrs"]) == ([], {})


def test_data_and_configuration_attributes_are_told_apart() -> None:
    types = ("static", "dynamic", "actuator", "meta", "lwm2m")
    template = registered(a_template("t", *[an_attribute(type_, type_) for type_ in types]))
    view = template_view(template)
    assert [one["label"] for one in view["attrs"]] == list(types)
    assert [one["label"] for one in view["data_attrs"]] == ["static", "dynamic", "actuator"]
    assert [one["label"] for one in view["config_attrs"]] == ["meta", "lwm2m"]


def test_a_template_shows_updated_only_once_it_was() -> None:
    template = registered(model())
    assert "updated" not in template_view(template)
    assert template_view(replace(template, updated=at(1)))["updated"] == timestamp(at(1))


def test_the_body_is_ascii_with_sorted_keys_and_no_blanks() -> None:
    body = document(a_device(label='é"\n😀')).body
    assert body.isascii()
    assert '"label":"\\u00e9\\"\\n\\ud83d\\ude00"' in body
    assert body == json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"))


def test_the_hash_ignores_the_time_of_the_last_change_and_nothing_else() -> None:
    first = document(a_device())
    assert document(a_device(), updated=at(9)).hash == first.hash
    assert document(a_device(), updated=at(9)).body != first.body
    assert document(a_device(label="x")).hash != first.hash
    assert document(a_device("d", an_override("serial", "s0"))).hash != first.hash
    touched = registered(model())
    moved = replace(touched.attributes[0], updated=at(1))
    assert (
        document(a_device(), replace(touched, attributes=(moved, *touched.attributes[1:]))).hash != first.hash
    )


def test_filters_look_for_effective_values_and_value_types() -> None:
    terms = document(a_device("d", an_override("serial", "mine"))).terms
    words = {tuple(term.split("\x1f")) for term in terms}
    assert words == {
        ("acme", "a", "serial", "mine"),
        ("acme", "t", "float"),
        ("acme", "t", "geo"),
        ("acme", "t", "string"),
    }


def test_overrides_that_nothing_takes_are_found() -> None:
    taken = an_override("serial")
    wrong_label, wrong_type = an_override("typo"), an_override("temp")
    wrong_metadata = an_override("loc", None, type="dynamic", metadata=(a_metadata_override("typo"),))
    device = a_device("d", taken, wrong_label, wrong_type, wrong_metadata)
    assert unused_overrides(device.spec, [registered(model())]) == (wrong_label, wrong_type, wrong_metadata)


def test_a_time_has_microseconds_and_an_offset() -> None:
    assert timestamp(NOON) == TS


def test_json_keeps_what_ascii_cannot_say_as_escapes() -> None:
    assert to_json({"b": "ü", "a": None}) == '{"a":null,"b":"\\u00fc"}'
