"""Renders the documents that REST serves and Kafka carries, as the dojot contract shapes them.

A device is rendered once for each change (reconcile, propagation) and its bytes are stored; a template is
rendered when it is read, as it is small and read rarely.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import terms
from .model import (
    DeviceId,
    DeviceSpec,
    Document,
    MetadataOverride,
    Override,
    RegisteredAttribute,
    RegisteredMetadata,
    RegisteredTemplate,
    Tenant,
)

DATA_TYPES = frozenset({"static", "dynamic", "actuator"})
"""Attributes of these types are data attributes; all others configure (`config_attrs`)."""

_encode = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode


def to_json(value: Any) -> str:
    """JSON as the contract has it: sorted keys and ASCII with escapes, without blanks."""
    return _encode(value)


def timestamp(moment: datetime) -> str:
    """A time as the contract shows it: ISO 8601 with microseconds and offset."""
    return moment.isoformat(timespec="microseconds")


# --- templates --------------------------------------------------------------------------------------


def template_view(template: RegisteredTemplate) -> dict[str, Any]:
    """The object that `GET /template/<id>` answers with (contract: attribute and template JSON)."""
    attributes = [_attribute(template.id, attribute) for attribute in template.attributes]
    view: dict[str, Any] = {
        "id": template.id,
        "label": template.label,
        "created": timestamp(template.created),
        "attrs": attributes,
        "data_attrs": [one for one in attributes if one["type"] in DATA_TYPES],
        "config_attrs": [one for one in attributes if one["type"] not in DATA_TYPES],
    }
    if template.updated:
        view["updated"] = timestamp(template.updated)
    return view


def _attribute(template_id: int, attribute: RegisteredAttribute) -> dict[str, Any]:
    """An attribute: what is absent is left out."""
    view: dict[str, Any] = {
        "id": attribute.id,
        "template_id": str(template_id),
        "label": attribute.label,
        "type": attribute.type,
        "value_type": attribute.value_type,
        "created": timestamp(attribute.created),
    }
    if attribute.updated:
        view["updated"] = timestamp(attribute.updated)
    if attribute.static_value is not None:
        view["static_value"] = attribute.static_value
    if attribute.metadata:
        view["metadata"] = [_metadata(entry) for entry in attribute.metadata]
    return view


def _metadata(entry: RegisteredMetadata) -> dict[str, Any]:
    """A metadata entry: other than in attributes, what is absent is shown as null."""
    return {
        "id": entry.id,
        "label": entry.label,
        "type": entry.type,
        "value_type": entry.value_type,
        "static_value": entry.static_value,
        "created": timestamp(entry.created),
        "updated": timestamp(entry.updated) if entry.updated else None,
    }


# --- devices ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The part of a device that is not declared but given."""

    tenant: Tenant
    id: DeviceId
    created: datetime
    updated: datetime | None = None


def device_document(
    identity: Identity, spec: DeviceSpec, templates: Sequence[RegisteredTemplate]
) -> Document:
    """Render a device: its templates in order, with its overrides merged in."""
    overrides = {override.identity: override for override in spec.overrides}
    attributes = {
        str(template.id): [
            _device_attribute(template.id, attribute, overrides.get(attribute.identity))
            for attribute in template.attributes
        ]
        for template in templates
    }
    view: dict[str, Any] = {
        "id": identity.id,
        "label": spec.label,
        "created": timestamp(identity.created),
        "templates": [template.id for template in templates],
        "attrs": attributes,
    }
    digest = hashlib.sha256(to_json(view).encode()).hexdigest()
    if identity.updated:
        view["updated"] = timestamp(identity.updated)
    return Document(body=to_json(view), hash=digest, terms=_terms(identity.tenant, attributes))


def unused_overrides(spec: DeviceSpec, templates: Iterable[RegisteredTemplate]) -> tuple[Override, ...]:
    """Overrides, whole or of metadata, that no attribute of the templates takes."""
    taken = {one.identity: one for template in templates for one in template.attributes}
    return tuple(
        override
        for override in spec.overrides
        if not (attribute := taken.get(override.identity)) or _unknown_metadata(override, attribute)
    )


def _unknown_metadata(override: Override, attribute: RegisteredAttribute) -> bool:
    known = {(entry.label, entry.type) for entry in attribute.metadata}
    return any((entry.label, entry.type) not in known for entry in override.metadata)


def _device_attribute(
    template_id: int, attribute: RegisteredAttribute, override: Override | None
) -> dict[str, Any]:
    view = _attribute(template_id, attribute)
    _override_value(view, override.static_value if override else None)
    if attribute.metadata:
        entries = {(one.label, one.type): one for one in override.metadata} if override else {}
        view["metadata"] = [_device_metadata(entry, entries) for entry in attribute.metadata]
    return view


def _device_metadata(
    entry: RegisteredMetadata, overrides: Mapping[tuple[str, str], MetadataOverride]
) -> dict[str, Any]:
    view = _metadata(entry)
    override = overrides.get((entry.label, entry.type))
    _override_value(view, override.static_value if override else None)
    return view


def _override_value(view: dict[str, Any], value: str | None) -> None:
    """`is_static_overridden` stands exactly where there is a value; an equal value counts as overridden."""
    if value is not None:
        view["static_value"] = value
    if view.get("static_value") is not None:
        view["is_static_overridden"] = value is not None


def _terms(tenant: Tenant, attributes: Mapping[str, list[dict[str, Any]]]) -> tuple[str, ...]:
    found: set[str] = set()
    for attribute in (one for group in attributes.values() for one in group):
        found.add(terms.value_type(tenant, attribute["value_type"]))
        if "static_value" in attribute:
            found.add(terms.attribute_value(tenant, attribute["label"], attribute["static_value"]))
    return tuple(sorted(found))
