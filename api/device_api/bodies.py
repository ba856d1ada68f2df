"""Bodies of POST and PUT as values, refused exactly as the contract refuses them (REST: refusals).

Unknown fields are ignored; clients send back whole objects as they got them. The order of the checks is the
contract's: JSON, the outer object, then attribute by attribute, then what repeats.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from device_registry.domain.model import Attribute, DeviceId, Metadata, TemplateSpec
from device_registry.domain.rendering import to_json

from . import fields
from .fields import Fault, Fields
from .problems import Problem, malformed, refusal

MOST_ATTRIBUTES = 256
MOST_METADATA = 32
MOST_TEMPLATES = 16

_DEVICE_ID = re.compile(r"[0-9a-fA-F]{2,6}")
_REPEATED = ["a device can not have repeated attributes"]


# --- templates --------------------------------------------------------------------------------------


def template_spec(body: Any) -> TemplateSpec:
    """The template that a body describes, without any id. Raises Problem (400)."""
    try:
        outer = Fields(body)
        label = outer.required("label", fields.text(fields.LABEL_LENGTH))
        outer.check()
        entries = outer.required("attrs", _attribute_entries)
        outer.check()
    except Fault as fault:
        raise malformed(_by_field(fault)) from fault
    attributes = tuple(_attribute(entry) for entry in entries)
    if len({attribute.identity for attribute in attributes}) < len(attributes):
        raise refusal("Template attribute constraints are violated by the request")
    return TemplateSpec(label=label, attributes=attributes)


def _attribute_entries(value: Any) -> list[Any]:
    if value is None:
        raise Fault(fields.NULL)
    if not isinstance(value, list):
        raise malformed({"_schema": [fields.WRONG_TYPE]}, "attr")
    if len(value) > MOST_ATTRIBUTES:
        raise Fault(f"Longer than maximum length {MOST_ATTRIBUTES}.")
    return value


def _attribute(entry: Any) -> Attribute:
    try:
        read = Fields(entry)
        common = _common(read, fields.attribute_label, fields.optional_static_value, fields.NULL)
        metadata = read.optional("metadata", _metadata, ())
        read.check()
    except Fault as fault:
        raise malformed(_by_field(fault), "attr") from fault
    return Attribute(**common, metadata=metadata)


def _metadata(value: Any) -> tuple[Metadata, ...]:
    entries: tuple[Metadata, ...] = fields.list_of(_metadata_entry, MOST_METADATA)(value)
    if len({entry.label for entry in entries}) < len(entries):
        raise Fault("a template can not have repeated attributes")
    return entries


def _metadata_entry(entry: Any) -> Metadata:
    read = Fields(entry)
    common = _common(read, fields.text(fields.LABEL_LENGTH, 1), fields.static_value, fields.MISSING)
    read.check()
    return Metadata(**common)


def _common(read: Fields, label: fields.Rule, value: fields.Rule, no_label: str) -> dict[str, Any]:
    """What attributes and their metadata both have."""
    a_type = fields.text(fields.TYPE_LENGTH)
    read.optional("id", fields.ignored_id)
    return {
        "label": read.required("label", label, no_label),
        "type": read.required("type", a_type),
        "value_type": read.required("value_type", a_type),
        "static_value": read.optional("static_value", value),
    }


# --- devices ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataEntry:
    """An override of a metadata entry as a client names it."""

    id: Any
    static_value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideEntry:
    """An override as a client names it: ids as they came, numbers or texts."""

    template_id: Any
    id: Any
    static_value: str | None
    metadata: tuple[MetadataEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBody:
    """A device as a client describes it."""

    label: str
    templates: tuple[int | str, ...] = ()
    """Ids of templates, numbers or texts, in the order of the document."""
    overrides: tuple[OverrideEntry, ...] = ()
    id: DeviceId | None = None

    def labels(self, count: int) -> list[str]:
        """The labels of so many devices, numbered when there are several. Raises Problem (400)."""
        if count == 1:
            return [self.label]
        width = len(str(count))
        labels = [f"{self.label}_{index:0{width}d}" for index in range(count)]
        if len(labels[0]) > fields.LABEL_LENGTH:
            raise malformed({"label": [f"Longer than maximum length {fields.LABEL_LENGTH}."]})
        return labels


def device_body(body: Any, *, with_id: bool) -> DeviceBody:
    """The device that a body describes; its id is not looked at unless `with_id`. Raises Problem (400)."""
    try:
        read = Fields(body)
        label = read.required("label", fields.text(fields.LABEL_LENGTH))
        templates = read.optional("templates", fields.list_of(_template_id, MOST_TEMPLATES), ())
        entries = read.optional("attrs", _override_entries, [])
        read.check()
    except Fault as fault:
        raise malformed(_by_field(fault)) from fault
    _check_labels(entries)
    device_id = _device_id(body.get("id")) if with_id else None
    overrides = tuple(_override(entry) for entry in entries)
    return DeviceBody(label=label, templates=templates, overrides=overrides, id=device_id)


def _template_id(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Fault(fields.NO_INTEGER)
    return value


def _override_entries(value: Any) -> list[dict[str, Any]]:
    """An empty object stands for no override: load generators send it."""
    if value is None:
        raise Fault(fields.NULL)
    if value == {}:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise Fault(fields.WRONG_TYPE)
    if len(value) > MOST_ATTRIBUTES:
        raise Fault(f"Longer than maximum length {MOST_ATTRIBUTES}.")
    return value


def _check_labels(entries: Sequence[Mapping[str, Any]]) -> None:
    """Labels of overrides only tell overrides apart; which attribute is meant is told by ids."""
    labels: set[str] = set()
    for entry in entries:
        if "label" not in entry:
            raise refusal(["missing label attribute"])
        label = to_json(entry["label"])
        if label in labels:
            raise refusal(_REPEATED)
        labels.add(label)


def _device_id(value: Any) -> DeviceId | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _DEVICE_ID.fullmatch(value):
        raise refusal(["Device ID must be 2-6 characters and must be hexadecimal (0-9,a-f,A-F)."])
    return DeviceId(value)


def _override(entry: Mapping[str, Any]) -> OverrideEntry:
    for name in ("template_id", "id"):
        if name not in entry:
            raise refusal([f"missing {name} attribute"])
    try:
        read = Fields(entry)
        value = read.optional("static_value", fields.optional_static_value)
        metadata = read.optional("metadata", fields.list_of(_metadata_override, MOST_METADATA), ())
        read.check()
    except Fault as fault:
        raise malformed(_by_field(fault), "attr") from fault
    return OverrideEntry(
        template_id=entry["template_id"], id=entry["id"], static_value=value, metadata=metadata
    )


def _metadata_override(value: Any) -> MetadataEntry:
    read = Fields(value)
    entry = MetadataEntry(
        id=read.required("id", lambda one: one),
        static_value=read.optional("static_value", fields.optional_static_value),
    )
    read.check()
    return entry


def repeated_override() -> Problem:
    """Two overrides of one device are for the same attribute."""
    return refusal(_REPEATED)


def _by_field(fault: Fault) -> Mapping[str, Any]:
    return fault.errors if isinstance(fault.errors, Mapping) else {"_schema": fault.errors}
