"""Bodies of POST and PUT /template as values, refused exactly as the contract refuses them (REST: refusals).

Unknown fields are ignored; clients send back whole objects as they got them. The order of the checks is the
contract's: JSON, the outer object, then attribute by attribute, then what repeats.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from device_registry.domain.model import Attribute, Metadata

from . import fields
from .fields import Fault, Fields, by_field
from .problems import malformed, refusal

MOST_ATTRIBUTES = 256
MOST_METADATA = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeBody:
    """An attribute as a client describes it; without `metadata` it keeps what it has."""

    attribute: Attribute
    metadata: tuple[Metadata, ...] | None

    def over(self, present: Attribute | None) -> Attribute:
        """The attribute as it is to be declared: ids that are pinned stay with label and type."""
        if present is None:
            return replace(self.attribute, metadata=self.metadata or ())
        if self.metadata is None:
            return replace(self.attribute, id=present.id, metadata=present.metadata)
        pins = {(one.label, one.type): one.id for one in present.metadata}
        entries = tuple(replace(one, id=pins.get((one.label, one.type))) for one in self.metadata)
        return replace(self.attribute, id=present.id, metadata=entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateBody:
    """A template as a client describes it, without any id."""

    label: str
    attributes: tuple[AttributeBody, ...]

    @property
    def identities(self) -> set[tuple[str, str]]:
        """The attributes by label and type."""
        return {one.attribute.identity for one in self.attributes}

    def attributes_over(self, present: Sequence[Attribute]) -> tuple[Attribute, ...]:
        """The attributes as they are to be declared instead of the present ones."""
        known = {one.identity: one for one in present}
        return tuple(one.over(known.get(one.attribute.identity)) for one in self.attributes)


def template_body(body: Any) -> TemplateBody:
    """The template that a body describes. Raises Problem (400)."""
    try:
        outer = Fields(body)
        label = outer.required("label", fields.text(fields.LABEL_LENGTH))
        outer.check()
        entries = outer.required("attrs", _attribute_entries)
        outer.check()
    except Fault as fault:
        raise malformed(by_field(fault)) from fault
    described = TemplateBody(label=label, attributes=tuple(_attribute(entry) for entry in entries))
    if len(described.identities) < len(described.attributes):
        raise refusal("Template attribute constraints are violated by the request")
    return described


def _attribute_entries(value: Any) -> list[Any]:
    if value is None:
        raise Fault(fields.NULL)
    if not isinstance(value, list):
        raise malformed({"_schema": [fields.WRONG_TYPE]}, "attr")
    if len(value) > MOST_ATTRIBUTES:
        raise Fault(f"Longer than maximum length {MOST_ATTRIBUTES}.")
    return value


def _attribute(entry: Any) -> AttributeBody:
    try:
        read = Fields(entry)
        common = _common(read, fields.attribute_label, fields.optional_static_value, fields.NULL)
        metadata = read.optional("metadata", _metadata)
        read.check()
    except Fault as fault:
        raise malformed(by_field(fault), "attr") from fault
    return AttributeBody(attribute=Attribute(**common), metadata=metadata)


def _metadata(value: Any) -> tuple[Metadata, ...]:
    entries: tuple[Metadata, ...] = fields.list_of(_metadata_entry, MOST_METADATA)(value)
    if len({entry.label for entry in entries}) < len(entries):
        raise Fault("a template can not have repeated attributes")
    return entries


def _metadata_entry(entry: Any) -> Metadata:
    """An entry. One that GET has shown, which has its id or times, may have the null that GET shows."""
    read = Fields(entry)
    is_sent_back = not entry.keys().isdisjoint(("id", "created"))
    value = fields.optional_static_value if is_sent_back else fields.static_value
    common = _common(read, fields.text(fields.LABEL_LENGTH, 1), value, fields.MISSING)
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
