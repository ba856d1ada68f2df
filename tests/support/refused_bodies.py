"""Bodies that the contract refuses: what is wrong, the body, and the answer."""

from typing import Any

NOT_JSON = {"message": "Payload must be valid JSON, and Content-Type set accordingly", "status": 400}
LABEL = "Labels must contain letters, numbers or dashes(-_)"
MISSING = "Missing data for required field."
NULL = "Field may not be null."
NO_TEXT = "Not a valid string."
WRONG_TYPE = "Invalid type."

TEMPERATURE = {"label": "temperature", "type": "dynamic", "value_type": "float"}
UNIT = {"label": "unit", "type": "meta", "value_type": "string"}


def malformed(what: str, **errors: Any) -> dict[str, Any]:
    return {"errors": errors, "message": f"failed to parse {what}"}


def refused(message: str | list[str]) -> dict[str, Any]:
    return {"message": message, "status": 400}


def with_attribute(**changes: Any) -> dict[str, Any]:
    """A template with one attribute; a change to `...` takes the field away."""
    changed = TEMPERATURE | changes
    return {"label": "t", "attrs": [{key: changed[key] for key in changed if changed[key] is not ...}]}


def with_metadata(*entries: Any) -> dict[str, Any]:
    return with_attribute(metadata=list(entries))


def in_entry(**errors: Any) -> dict[str, Any]:
    return malformed("attr", metadata={"0": errors})


JSON: list[tuple[str, bytes]] = [
    ("not JSON", b"not json"),
    ("empty", b""),
    ("truncated", b'{"label": "x"'),
    ("trailing text", b'{"label": "x"} x'),
    ("NaN", b'{"label": "x", "n": NaN}'),
    ("Infinity", b'{"label": "x", "n": -Infinity}'),
    ("invalid UTF-8", b'{"label": "\xff"}'),
    ("UTF-8 with BOM", b'\xef\xbb\xbf{"label": "x"}'),
    ("UTF-16", '{"label": "x"}'.encode("utf-16")),
    ("5000 nested lists", b"[" * 5000 + b"]" * 5000),
    ("a number that is too long", b"9" * 5000),
]

TEMPLATES: list[tuple[str, Any, dict[str, Any]]] = [
    ("list body", [], malformed("input", _schema=[WRONG_TYPE])),
    ("string body", "x", malformed("input", _schema=[WRONG_TYPE])),
    ("number body", 5, malformed("input", _schema=[WRONG_TYPE])),
    ("null body", None, malformed("input", _schema=[WRONG_TYPE])),
    ("no label", {"attrs": []}, malformed("input", label=[MISSING])),
    ("null label", {"label": None, "attrs": []}, malformed("input", label=[NULL])),
    ("number label", {"label": 5, "attrs": []}, malformed("input", label=[NO_TEXT])),
    ("list label", {"label": [], "attrs": []}, malformed("input", label=[NO_TEXT])),
    (
        "long label",
        {"label": "x" * 129, "attrs": []},
        malformed("input", label=["Longer than maximum length 128."]),
    ),
    ("NUL in the label", {"label": "a\0b", "attrs": []}, malformed("input", label=[NO_TEXT])),
    ("lone surrogate", {"label": "a\ud800", "attrs": []}, malformed("input", label=[NO_TEXT])),
    ("no attrs", {"label": "t"}, malformed("input", attrs=[MISSING])),
    ("null attrs", {"label": "t", "attrs": None}, malformed("input", attrs=[NULL])),
    ("label before attrs", {"attrs": "x"}, malformed("input", label=[MISSING])),
    ("string attrs", {"label": "t", "attrs": "x"}, malformed("attr", _schema=[WRONG_TYPE])),
    ("object attrs", {"label": "t", "attrs": {"a": 1}}, malformed("attr", _schema=[WRONG_TYPE])),
    ("number attrs", {"label": "t", "attrs": 5}, malformed("attr", _schema=[WRONG_TYPE])),
    ("attr is a string", {"label": "t", "attrs": ["x"]}, malformed("attr", _schema=[WRONG_TYPE])),
    ("attr is null", {"label": "t", "attrs": [None]}, malformed("attr", _schema=[WRONG_TYPE])),
    (
        "too many attrs",
        {"label": "t", "attrs": [{}] * 257},
        malformed("input", attrs=["Longer than maximum length 256."]),
    ),
    (
        "attr is empty",
        {"label": "t", "attrs": [{}]},
        malformed("attr", label=[NULL], type=[MISSING], value_type=[MISSING]),
    ),
    ("attr without label", with_attribute(label=...), malformed("attr", label=[NULL])),
    ("attr null label", with_attribute(label=None), malformed("attr", label=[NULL])),
    ("attr number label", with_attribute(label=5), malformed("attr", label=[NO_TEXT])),
    ("attr without type", with_attribute(type=...), malformed("attr", type=[MISSING])),
    ("attr without value_type", with_attribute(value_type=...), malformed("attr", value_type=[MISSING])),
    ("attr null type", with_attribute(type=None), malformed("attr", type=[NULL])),
    ("attr number value_type", with_attribute(value_type=5), malformed("attr", value_type=[NO_TEXT])),
    ("attr label with blank", with_attribute(label="a b"), malformed("attr", label=[LABEL])),
    ("attr label with dot", with_attribute(label="a.b"), malformed("attr", label=[LABEL])),
    ("attr label accented", with_attribute(label="é"), malformed("attr", label=[LABEL])),
    ("attr label empty", with_attribute(label=""), malformed("attr", label=[LABEL])),
    ("attr label with final newline", with_attribute(label="a\n"), malformed("attr", label=[LABEL])),
    (
        "attr label 129",
        with_attribute(label="a" * 129),
        malformed("attr", label=["Longer than maximum length 128."]),
    ),
    ("type 33", with_attribute(type="x" * 33), malformed("attr", type=["Longer than maximum length 32."])),
    (
        "static 129",
        with_attribute(static_value="x" * 129),
        malformed("attr", static_value=["Longer than maximum length 128."]),
    ),
    ("static list", with_attribute(static_value=["a"]), malformed("attr", static_value=[NO_TEXT])),
    ("static object", with_attribute(static_value={"a": 1}), malformed("attr", static_value=[NO_TEXT])),
    ("static overflow", with_attribute(static_value=float("inf")), malformed("attr", static_value=[NO_TEXT])),
    ("attr id no number", with_attribute(id="x"), malformed("attr", id=["Not a valid integer."])),
    (
        "second attr bad",
        {"label": "t", "attrs": [TEMPERATURE, TEMPERATURE | {"label": "a b"}]},
        malformed("attr", label=[LABEL]),
    ),
    (
        "repeated attribute",
        {"label": "t", "attrs": [TEMPERATURE, TEMPERATURE | {"value_type": "string"}]},
        refused("Template attribute constraints are violated by the request"),
    ),
    ("null metadata", with_attribute(metadata=None), malformed("attr", metadata=[NULL])),
    ("object metadata", with_attribute(metadata={}), malformed("attr", metadata=[WRONG_TYPE])),
    ("string metadata", with_attribute(metadata="x"), malformed("attr", metadata=[WRONG_TYPE])),
    ("metadata of strings", with_metadata("x"), in_entry(_schema=[WRONG_TYPE])),
    (
        "metadata without label",
        with_metadata({"type": "m", "value_type": "s"}),
        in_entry(label=[MISSING]),
    ),
    ("metadata without type", with_metadata({"label": "u", "value_type": "s"}), in_entry(type=[MISSING])),
    (
        "metadata without value_type",
        with_metadata({"label": "u", "type": "m"}),
        in_entry(value_type=[MISSING]),
    ),
    ("metadata static null", with_metadata(UNIT | {"static_value": None}), in_entry(static_value=[NULL])),
    (
        "repeated metadata label",
        with_metadata(UNIT, UNIT | {"type": "other"}),
        malformed("attr", metadata=["a template can not have repeated attributes"]),
    ),
]

_SHORT = {"label": "d"}
_BAD_ID = refused(["Device ID must be 2-6 characters and must be hexadecimal (0-9,a-f,A-F)."])
_OVERRIDE = {"id": 1, "template_id": 1, "label": "a"}

DEVICES: list[tuple[str, Any, dict[str, Any]]] = [
    ("list body", [], malformed("input", _schema=[WRONG_TYPE])),
    ("null body", None, malformed("input", _schema=[WRONG_TYPE])),
    ("no label", {}, malformed("input", label=[MISSING])),
    ("null label", {"label": None}, malformed("input", label=[NULL])),
    ("number label", {"label": 5}, malformed("input", label=[NO_TEXT])),
    ("label 129", {"label": "x" * 129}, malformed("input", label=["Longer than maximum length 128."])),
    ("templates null", _SHORT | {"templates": None}, malformed("input", templates=[NULL])),
    ("templates number", _SHORT | {"templates": 5}, malformed("input", templates=[WRONG_TYPE])),
    ("templates text", _SHORT | {"templates": "1"}, malformed("input", templates=[WRONG_TYPE])),
    (
        "template object",
        _SHORT | {"templates": [{}]},
        malformed("input", templates={"0": ["Not a valid integer."]}),
    ),
    ("id too short", _SHORT | {"id": "a"}, _BAD_ID),
    ("id too long", _SHORT | {"id": "a" * 7}, _BAD_ID),
    ("id not hexadecimal", _SHORT | {"id": "xyz"}, _BAD_ID),
    ("id empty", _SHORT | {"id": ""}, _BAD_ID),
    ("id with blank", _SHORT | {"id": "a b"}, _BAD_ID),
    ("id with final newline", _SHORT | {"id": "ab12\n"}, _BAD_ID),
    ("id number", _SHORT | {"id": 12}, _BAD_ID),
    ("attrs null", _SHORT | {"attrs": None}, malformed("input", attrs=[NULL])),
    ("attrs number", _SHORT | {"attrs": 5}, malformed("input", attrs=[WRONG_TYPE])),
    ("attrs of strings", _SHORT | {"attrs": ["x"]}, malformed("input", attrs=[WRONG_TYPE])),
    ("attrs object of no lists", _SHORT | {"attrs": {"1": 5}}, malformed("input", attrs=[WRONG_TYPE])),
    ("attrs lists of no objects", _SHORT | {"attrs": {"1": ["x"]}}, malformed("input", attrs=[WRONG_TYPE])),
    (
        "repeated attribute",
        _SHORT | {"attrs": [_OVERRIDE, _OVERRIDE | {"id": 2}]},
        refused(["a device can not have repeated attributes"]),
    ),
    (
        "attr without label",
        _SHORT | {"attrs": [{"id": 1, "template_id": 1}]},
        refused(["missing label attribute"]),
    ),
    ("repetition before the id", _SHORT | {"id": "", "attrs": [{}]}, refused(["missing label attribute"])),
    (
        "attribute id missing",
        _SHORT | {"attrs": [{"template_id": 1, "label": "a"}]},
        refused(["missing id attribute"]),
    ),
    (
        "template_id missing",
        _SHORT | {"attrs": [{"id": 1, "label": "a"}]},
        refused(["missing template_id attribute"]),
    ),
    (
        "value object",
        _SHORT | {"attrs": [_OVERRIDE | {"static_value": {}}]},
        malformed("attr", static_value=[NO_TEXT]),
    ),
    (
        "metadata null",
        _SHORT | {"attrs": [_OVERRIDE | {"metadata": None}]},
        malformed("attr", metadata=[NULL]),
    ),
    ("metadata id missing", _SHORT | {"attrs": [_OVERRIDE | {"metadata": [{}]}]}, in_entry(id=[MISSING])),
]
