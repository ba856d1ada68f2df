"""Bodies are refused with exactly the words of the contract, and read as what they mean."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from device_api.bodies import changed_device, new_device
from device_api.payload import LIMIT, read_json
from device_api.problems import Problem
from device_api.template_bodies import template_body
from device_registry.domain.model import Attribute, Metadata
from tests.support import refused_bodies
from tests.support.refused_bodies import TEMPERATURE, UNIT, with_attribute, with_metadata


def a_request(body: bytes, content_type: str | None = "application/json") -> Request:
    headers = [] if content_type is None else [(b"content-type", content_type.encode())]

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def named(cases: list[tuple[str, Any, dict[str, Any]]]) -> pytest.MarkDecorator:
    values = [pytest.param(body, answer, id=name) for name, body, answer in cases]
    return pytest.mark.parametrize(("body", "answer"), values)


@named(refused_bodies.TEMPLATES)
def test_a_template_is_refused(body: Any, answer: dict[str, Any]) -> None:
    with pytest.raises(Problem) as problem:
        template_body(body)
    assert (problem.value.status, problem.value.body) == (400, answer)


@named(refused_bodies.DEVICES)
def test_a_device_is_refused(body: Any, answer: dict[str, Any]) -> None:
    with pytest.raises(Problem) as problem:
        new_device(body, with_id=True)
    assert (problem.value.status, problem.value.body) == (400, answer)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("label", refused_bodies.NO_TEXT),
        ("id", "Not a valid integer."),
        ("template_id", "Not a valid integer."),
    ],
)
def test_what_names_an_attribute_is_refused_when_it_is_nested_however_deep(name: str, fault: str) -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    for value in (deep, {"a": deep}):
        override = {"label": "a", "id": 1, "template_id": 1, name: value}
        with pytest.raises(Problem) as problem:
            new_device({"label": "d", "attrs": [override]}, with_id=True)
        assert problem.value.body == refused_bodies.malformed("attr", **{name: [fault]})


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in refused_bodies.JSON])
async def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as problem:
        await read_json(a_request(body))
    assert (problem.value.status, problem.value.body) == (400, refused_bodies.NOT_JSON)


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", ""])
async def test_other_media_types_are_refused(content_type: str | None) -> None:
    with pytest.raises(Problem) as problem:
        await read_json(a_request(b"{}", content_type))
    assert problem.value.body == refused_bodies.NOT_JSON


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"]
)
async def test_json_is_known_in_any_case_and_with_parameters(content_type: str) -> None:
    assert await read_json(a_request(b'{"a": 1}', content_type)) == {"a": 1}


async def test_a_body_that_is_too_large_is_413() -> None:
    request = a_request(b" " * 1025)
    request.scope[LIMIT] = 1 / 1024
    with pytest.raises(Problem) as problem:
        await read_json(request)
    assert problem.value.status == 413
    assert "BODY_LIMIT_MIB" in problem.value.body["message"]


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 5000])
async def test_a_number_that_nobody_could_pass_on_is_no_json(number: str) -> None:
    with pytest.raises(Problem) as problem:
        await read_json(a_request(f'{{"a": {number}}}'.encode()))
    assert problem.value.body == refused_bodies.NOT_JSON


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (42, "42"),
        (1.5, "1.5"),
        (-0.0, "0.0"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (123456789012345678901234567890, "123456789012345678901234567890"),
        (True, "true"),
        (False, "false"),
        ("", ""),
        (None, None),
    ],
)
def test_values_are_kept_as_text(value: Any, text: str | None) -> None:
    (described,) = template_body(with_attribute(static_value=value)).attributes
    assert described.attribute.static_value == text


def test_ids_and_unknown_fields_of_a_template_are_ignored() -> None:
    sent_back = TEMPERATURE | {"id": 7, "template_id": "3", "created": "x", "is_static_overridden": True}
    spec = template_body({"id": 3, "label": "t", "attrs": [sent_back], "data_attrs": []})
    assert spec == template_body({"label": "t", "attrs": [TEMPERATURE]})


def test_metadata_is_read_in_order() -> None:
    (described,) = template_body(with_metadata(UNIT, UNIT | {"label": "Größe", "id": 4})).attributes
    assert described.metadata == (
        Metadata(label="unit", type="meta", value_type="string"),
        Metadata(label="Größe", type="meta", value_type="string"),
    )


def test_metadata_without_a_value_can_be_sent_back_as_it_was_shown() -> None:
    shown = UNIT | {"static_value": None, "created": "2026-01-31T08:00:00.000000+00:00", "updated": None}
    (described,) = template_body(with_metadata(shown)).attributes
    assert described.metadata == (Metadata(label="unit", type="meta", value_type="string"),)


def test_metadata_that_is_left_out_is_kept_and_an_empty_list_removes_it() -> None:
    kept = (Metadata(label="unit", type="meta", value_type="string", static_value="K", id=4),)
    present = [Attribute(label="temperature", type="dynamic", value_type="float", id=3, metadata=kept)]
    (left_out,) = template_body(with_attribute()).attributes_over(present)
    assert (left_out.id, left_out.metadata) == (3, kept)
    (removed,) = template_body(with_attribute(metadata=[])).attributes_over(present)
    assert (removed.id, removed.metadata) == (3, ())
    (changed,) = template_body(with_metadata(UNIT | {"static_value": "C"})).attributes_over(present)
    assert changed.metadata == (replace(kept[0], static_value="C"),)


def test_an_attribute_of_another_type_is_new() -> None:
    present = [Attribute(label="temperature", type="static", value_type="float", id=3)]
    (attribute,) = template_body(with_attribute()).attributes_over(present)
    assert attribute.id is None


def test_a_change_of_a_device_names_its_templates() -> None:
    with pytest.raises(Problem) as problem:
        changed_device({"label": "d"})
    assert problem.value.body == refused_bodies.malformed("input", templates=[refused_bodies.MISSING])
    assert changed_device({"label": "d", "templates": [], "id": "no hex"}).id is None


def test_overrides_may_have_the_shape_in_which_they_are_shown() -> None:
    shown = {"id": 1, "template_id": "1", "label": "a", "static_value": "x", "is_static_overridden": False}
    same_label = shown | {"id": 2, "template_id": "2", "is_static_overridden": True}
    body = changed_device({"label": "d", "templates": [1, 2], "attrs": {"1": [shown], "2": [same_label]}})
    assert [(one.id, one.inherited) for one in body.overrides] == [(1, True), (2, False)]


def test_the_same_label_with_another_type_is_another_attribute() -> None:
    spec = template_body({"label": "t", "attrs": [TEMPERATURE, TEMPERATURE | {"type": "actuator"}]})
    assert len(spec.attributes) == 2


def test_an_id_is_not_looked_at_where_it_does_not_count() -> None:
    assert new_device({"label": "d", "id": "no hex"}, with_id=False).id is None
    assert new_device({"label": "d", "id": None}, with_id=True).id is None


def test_an_empty_object_stands_for_no_overrides() -> None:
    assert new_device({"label": "d", "attrs": {}}, with_id=True).overrides == ()


def test_labels_of_several_devices_are_numbered_as_wide_as_the_count() -> None:
    body = new_device({"label": "d"}, with_id=False)
    assert body.labels(1) == ["d"]
    assert body.labels(3) == ["d_0", "d_1", "d_2"]
    assert body.labels(12)[:2] == ["d_00", "d_01"]


def test_a_label_may_become_too_long_by_its_number() -> None:
    body = new_device({"label": "d" * 127}, with_id=False)
    with pytest.raises(Problem) as problem:
        body.labels(2)
    assert problem.value.body == refused_bodies.malformed("input", label=["Longer than maximum length 128."])


async def test_a_body_that_does_not_come_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device_api.payload._BODY_SECONDS", 0.05)
    request = a_request(b"{")
    request._receive = _never
    with pytest.raises(Problem) as problem:
        await read_json(request)
    assert problem.value.status == 408


async def _never() -> Message:
    await asyncio.sleep(60)
    raise AssertionError


async def test_a_client_that_goes_away_gets_no_500(monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    request = a_request(b"{")
    request._receive = gone
    with pytest.raises(Problem) as problem:
        await read_json(request)
    assert problem.value.status == 400
