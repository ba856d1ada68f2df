"""Imports that are refused: the body, the sentence of the contract, and what the header `X-Detail` names."""

from typing import Any, NamedTuple

UNIT = {"id": 13, "label": "unit", "type": "meta", "value_type": "string", "static_value": "K"}
TEMP = {"id": 11, "label": "temp", "type": "dynamic", "value_type": "float", "metadata": [UNIT]}
SERIAL = {"id": 12, "label": "serial", "type": "static", "value_type": "string", "static_value": "none"}
TEMPLATE = {"id": 10, "label": "T", "attrs": [TEMP, SERIAL]}
OVERRIDE = {"id": 12, "template_id": 10, "label": "serial", "static_value": "mine"}
DEVICE = {"id": "aa11", "label": "d", "templates": [10], "attrs": [OVERRIDE]}

FAILED = "Failed to import data"
VIOLATED = "Template attribute constraints are violated by the request"

_OTHER_TEMP = {"id": 21, "label": "temp", "type": "dynamic", "value_type": "string"}
_CLASHING = [TEMPLATE, {"id": 20, "label": "x", "attrs": [_OTHER_TEMP]}]


class RefusedImport(NamedTuple):
    """One import."""

    body: Any
    message: str
    detail: str


def an_import(templates: Any = (), devices: Any = ()) -> dict[str, Any]:
    return {"templates": _listed(templates), "devices": _listed(devices)}


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _with_template(**changes: Any) -> dict[str, Any]:
    """A template with other fields; a change to `...` takes the field away."""
    changed = {"id": 1, "label": "x", "attrs": [SERIAL]} | changes
    return an_import([{key: one for key, one in changed.items() if one is not ...}])


def _with_device(**changes: Any) -> dict[str, Any]:
    changed = DEVICE | changes
    return an_import([TEMPLATE], [{key: one for key, one in changed.items() if one is not ...}])


IMPORTS = [
    RefusedImport([], FAILED, "_schema"),
    RefusedImport({}, FAILED, "templates"),
    RefusedImport({"templates": []}, FAILED, "devices"),
    RefusedImport(an_import({}), FAILED, "templates"),
    RefusedImport(an_import(None), FAILED, "templates"),
    RefusedImport(an_import(["x"]), FAILED, "templates[0]"),
    RefusedImport(_with_template(attrs=...), FAILED, "templates[0]"),
    RefusedImport(_with_template(id=...), FAILED, "templates[0].id"),
    RefusedImport(_with_template(id="x"), FAILED, "templates[0].id"),
    RefusedImport(_with_template(id=0), FAILED, "templates[0].id"),
    RefusedImport(_with_template(attrs=[SERIAL | {"id": None}]), FAILED, "templates[0]"),
    RefusedImport(_with_template(attrs=[SERIAL | {"id": -1}]), FAILED, "templates[0].attrs[0].id"),
    RefusedImport(_with_template(attrs=[SERIAL | {"label": "a b"}]), FAILED, "Labels must"),
    RefusedImport(_with_template(attrs=[SERIAL, SERIAL | {"id": 99}]), FAILED, "constraints"),
    RefusedImport(_with_device(id=...), FAILED, "devices[0].id"),
    RefusedImport(_with_device(label=...), FAILED, "devices[0]"),
    RefusedImport(_with_device(id="123456789"), FAILED, "devices[0].id"),
    RefusedImport(_with_device(id="a b"), FAILED, "devices[0].id"),
    RefusedImport(_with_device(templates=[11]), FAILED, "template 11"),
    RefusedImport(_with_device(templates=["a\r\nb"]), FAILED, r"template a\r\nb"),
    RefusedImport(_with_device(templates=["8" * 5_000]), FAILED, "template 888"),
    RefusedImport(_with_device(templates=["a" * 100_000]), FAILED, "template aaa"),
    RefusedImport(_with_device(attrs={"10": [OVERRIDE]}), FAILED, "attrs"),
    RefusedImport(_with_device(attrs=[OVERRIDE | {"id": 99}]), FAILED, "99"),
    RefusedImport(an_import([TEMPLATE, TEMPLATE]), VIOLATED, "10"),
    RefusedImport(an_import([TEMPLATE], [DEVICE, DEVICE]), VIOLATED, "aa11"),
    RefusedImport(an_import([TEMPLATE, TEMPLATE | {"id": 9}]), VIOLATED, "attribute id 11"),
    RefusedImport(an_import(_CLASHING, [DEVICE | {"templates": [10, 20]}]), VIOLATED, "temp"),
    RefusedImport(_with_device(templates=[10, 10]), VIOLATED, "twice"),
]
