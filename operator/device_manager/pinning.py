"""Rows of the registry as specs that pin every id: what `export` writes and `adopt` declares."""

from collections.abc import Mapping
from dataclasses import replace

from device_registry.domain.model import (
    Attribute,
    DeviceRow,
    DeviceSpec,
    Metadata,
    RegisteredAttribute,
    RegisteredTemplate,
    TemplateSpec,
)


def template_spec_of(template: RegisteredTemplate) -> TemplateSpec:
    """What a resource declares that stands for this template as it is."""
    return TemplateSpec(
        label=template.label,
        template_id=template.id,
        attributes=tuple(_attribute(one) for one in template.attributes),
    )


def _attribute(one: RegisteredAttribute) -> Attribute:
    entries = tuple(
        Metadata(
            label=entry.label,
            type=entry.type,
            value_type=entry.value_type,
            static_value=entry.static_value,
            id=entry.id,
        )
        for entry in one.metadata
    )
    return Attribute(
        label=one.label,
        type=one.type,
        value_type=one.value_type,
        static_value=one.static_value,
        id=one.id,
        metadata=entries,
    )


def device_spec_of(row: DeviceRow, names: Mapping[int, str]) -> DeviceSpec:
    """What a resource declares that stands for this device; `names` are those of its templates, by id."""
    templates = tuple(names[one] for one in row.templates)
    return replace(row.spec, device_id=row.id, templates=templates, announce=None)
