"""The file that dojot's own export gives, and its import takes: the body of POST /import."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from device_registry.domain.model import DeviceRow, RegisteredTemplate
from device_registry.domain.rendering import template_view

_GIVEN = frozenset({"created", "updated", "config_attrs", "data_attrs"})
"""What an import gives anew, or can tell by itself."""


def export_body(templates: Sequence[RegisteredTemplate], devices: Sequence[DeviceRow]) -> dict[str, Any]:
    """Templates and devices with their ids; of a device's attributes only those that it overrides."""
    return {
        "templates": [_stripped(template_view(one)) for one in templates],
        "devices": [_device(json.loads(row.document.body)) for row in devices],
    }


def _device(document: Mapping[str, Any]) -> dict[str, Any]:
    attributes = [one for group in document["attrs"].values() for one in group]
    return {
        "id": document["id"],
        "label": document["label"],
        "templates": document["templates"],
        "attrs": [override for one in attributes if (override := _override(one))],
    }


def _override(attribute: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the device says itself: an inherited value that is sent along would become its own."""
    metadata = [_own(one) for one in attribute.get("metadata", ()) if one.get("is_static_overridden")]
    if not metadata and not attribute.get("is_static_overridden"):
        return None
    return {**_own(attribute), **({"metadata": metadata} if metadata else {})}


def _own(entry: Mapping[str, Any]) -> dict[str, Any]:
    named = {
        name: entry[name] for name in ("id", "template_id", "label", "type", "value_type") if name in entry
    }
    return {**named, **({"static_value": entry["static_value"]} if entry.get("is_static_overridden") else {})}


def _stripped(view: Any) -> Any:
    """Without times, at every depth, and without values that are null."""
    if isinstance(view, list):
        return [_stripped(one) for one in view]
    if isinstance(view, dict):
        return {
            name: _stripped(value) for name, value in view.items() if name not in _GIVEN and value is not None
        }
    return view
