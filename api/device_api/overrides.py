"""Overrides that REST names by ids become overrides that resources name by label and type."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from device_registry.domain.model import (
    MetadataOverride,
    Override,
    RegisteredAttribute,
    RegisteredMetadata,
    RegisteredTemplate,
)
from device_registry.domain.rendering import to_json

from .bodies import MetadataEntry, OverrideEntry, repeated_override
from .parameters import identifier, integer
from .problems import refusal


def translate(
    entries: Iterable[OverrideEntry], templates: Sequence[RegisteredTemplate]
) -> tuple[Override, ...]:
    """The overrides of a device with these templates; those that say nothing are left out.

    Raises Problem (400) for ids that are not of these templates, and for two overrides of one attribute.
    """
    by_id = {template.id: template for template in templates}
    overrides = [override for entry in entries if (override := _translated(entry, by_id))]
    if len({override.identity for override in overrides}) < len(overrides):
        raise repeated_override()
    return tuple(overrides)


def _translated(entry: OverrideEntry, templates: Mapping[int, RegisteredTemplate]) -> Override | None:
    attribute = _attribute(entry, templates)
    metadata = _metadata(entry.metadata, attribute)
    value = _own_value(entry, attribute)
    if value is None and not metadata:
        return None
    return Override(label=attribute.label, type=attribute.type, static_value=value, metadata=metadata)


def _own_value(
    entry: OverrideEntry | MetadataEntry, declared: RegisteredAttribute | RegisteredMetadata
) -> str | None:
    """The value, unless the client sends back what the template says and was shown as the template's."""
    inherited = entry.inherited and entry.static_value == declared.static_value
    return None if inherited else entry.static_value


def _attribute(entry: OverrideEntry, templates: Mapping[int, RegisteredTemplate]) -> RegisteredAttribute:
    template = templates.get(_number(entry.template_id))
    if template is None:
        raise refusal(f"Unknown template {_shown(entry.template_id)} in attr list")
    wanted = _number(entry.id)
    found = next((one for one in template.attributes if one.id == wanted), None)
    if found is None:
        raise refusal(f"Unknown attribute {_shown(entry.id)} in override list")
    return found


def _metadata(
    entries: Iterable[MetadataEntry], attribute: RegisteredAttribute
) -> tuple[MetadataOverride, ...]:
    known = {one.id: one for one in attribute.metadata}
    found: dict[int, MetadataOverride] = {}
    for entry in entries:
        number = _metadata_number(entry.id)
        if number not in known:
            # The contract names the attribute here, not the entry.
            raise refusal(f"Unknown attribute {attribute.id} in override list")
        one = known[number]
        value = _own_value(entry, one)
        if value is not None:
            found[number] = MetadataOverride(label=one.label, type=one.type, static_value=value)
    return tuple(found.values())


def _metadata_number(value: Any) -> int:
    if isinstance(value, str) and integer(value) is None:
        raise refusal(f"Unknown metadata attribute {value} in override list")
    return _number(value)


def _number(value: Any) -> int:
    """An id, as number or text; 0, which nothing has, for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return 0
    return identifier(str(value)) or 0


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value)
