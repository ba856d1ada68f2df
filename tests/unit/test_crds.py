"""The definitions of Device and Template are complete: bounded, explained, and as documented."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.crds import load, nodes, schema, version

KINDS = ["devices", "templates"]
NODES = [(f"{kind}{path}", node) for kind in KINDS for path, node in nodes(schema(kind))]
RULES = [(path, rule) for path, node in NODES for rule in node.get("x-kubernetes-validations", [])]


def of_type(kind: str) -> list[Any]:
    return [pytest.param(node, id=path) for path, node in NODES if node["type"] == kind]


@pytest.mark.parametrize("node", of_type("string"))
def test_every_string_is_bounded(node: dict[str, Any]) -> None:
    assert "enum" in node or 0 < node["maxLength"] <= 32768


@pytest.mark.parametrize("node", of_type("integer"))
def test_every_integer_has_a_format_and_a_least_value(node: dict[str, Any]) -> None:
    assert node["format"] in {"int32", "int64"}
    assert node["minimum"] >= 0


@pytest.mark.parametrize("node", of_type("array"))
def test_every_list_is_bounded_and_owned_by_entry(node: dict[str, Any]) -> None:
    assert 0 < node["maxItems"] <= 256
    assert node["x-kubernetes-list-type"] == "map"
    assert set(node["x-kubernetes-list-map-keys"]) <= set(node["items"]["required"])


@pytest.mark.parametrize("node", of_type("object"))
def test_no_object_takes_unknown_fields(node: dict[str, Any]) -> None:
    assert node["properties"]
    assert "additionalProperties" not in node
    assert "x-kubernetes-preserve-unknown-fields" not in node


@pytest.mark.parametrize("node", [pytest.param(node, id=path) for path, node in NODES])
def test_every_field_is_explained_and_has_no_default(node: dict[str, Any]) -> None:
    assert node["description"].endswith(".")
    assert "default" not in node


@pytest.mark.parametrize("node", of_type("string"))
def test_every_pattern_is_anchored_at_both_ends(node: dict[str, Any]) -> None:
    pattern = node.get("pattern", "^$")
    assert pattern.startswith("^")
    assert pattern.endswith("$")


@pytest.mark.parametrize("rule", [pytest.param(rule, id=path) for path, rule in RULES])
def test_every_rule_says_in_words_what_it_wants(rule: dict[str, Any]) -> None:
    assert len(rule["message"].split()) >= 8
    assert rule["reason"].startswith("FieldValue")


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("devices", {"kind": "Device", "singular": "device", "shortNames": ["dvc"]}),
        ("templates", {"kind": "Template", "singular": "template", "shortNames": ["dvt"]}),
    ],
)
def test_the_names_are_those_of_the_documentation(kind: str, names: dict[str, Any]) -> None:
    spec = load(kind)["spec"]
    assert (spec["group"], spec["scope"], version(kind)["name"]) == (
        "dojot.io",
        "Namespaced",
        "v1alpha1",
    )
    assert spec["names"].items() >= names.items()
    assert spec["names"]["categories"] == ["iot"]
    assert version(kind)["subresources"] == {"status": {}}


@pytest.mark.parametrize(
    ("kind", "columns", "wide"),
    [
        ("devices", ["ID", "TEMPLATES", "READY", "REASON", "PUBLISHED", "AGE"], ["LABEL"]),
        ("templates", ["ID", "DEVICES", "CURRENT", "READY", "AGE"], []),
    ],
)
def test_the_columns_are_those_of_the_documentation(kind: str, columns: list[str], wide: list[str]) -> None:
    declared = version(kind)["additionalPrinterColumns"]
    assert [column["name"] for column in declared if not column.get("priority")] == columns
    assert [column["name"] for column in declared if column.get("priority")] == wide
    assert all(column["description"] for column in declared)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("devices", [".spec.deviceId", ".spec.label", ".status.deviceId"]),
        ("templates", [".spec.templateId", ".spec.label", ".status.templateId"]),
    ],
)
def test_the_selectable_fields_are_those_of_the_documentation(kind: str, fields: list[str]) -> None:
    assert [field["jsonPath"] for field in version(kind)["selectableFields"]] == fields


def test_both_kinds_have_the_same_conditions_but_for_the_words() -> None:
    devices, templates = (_without_words(_conditions(kind)) for kind in KINDS)
    assert devices == templates


def _conditions(kind: str) -> Any:
    return schema(kind)["properties"]["status"]["properties"]["conditions"]


def _without_words(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_words(value) for key, value in node.items() if key != "description"}
    return node
