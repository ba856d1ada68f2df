"""Objects of the cluster as manifests for a repository: what somebody declared, and nothing else.

Applying such a manifest again changes nothing. With pins it changes one thing: the ids that the registry
gave are declared.
"""

from collections.abc import Mapping
from typing import Any, Final

from device_registry.domain.model import (
    DeviceRow,
    RegisteredAttribute,
    RegisteredMetadata,
    RegisteredTemplate,
)
from device_registry.manifests import REQUESTED_AT
from device_registry.manifests.names import REQUEST

_LEFT_OUT: Final = frozenset({"kubectl.kubernetes.io/last-applied-configuration", REQUEST, REQUESTED_AT})
"""Annotations that tools write."""

Manifest = dict[str, Any]


def clean(obj: Mapping[str, Any]) -> Manifest:
    """The manifest of an object: kind, name, labels, annotations and spec as they were declared."""
    meta = obj["metadata"]
    annotations = {
        name: text for name, text in (meta.get("annotations") or {}).items() if name not in _LEFT_OUT
    }
    kept = {"name": meta["name"], "namespace": meta.get("namespace"), "labels": meta.get("labels")}
    kept["annotations"] = dict(sorted(annotations.items()))
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "metadata": {name: value for name, value in kept.items() if value},
        **({"spec": obj["spec"]} if "spec" in obj and obj["kind"] != "Namespace" else {}),
    }


def pinned(manifest: Mapping[str, Any], row: DeviceRow | RegisteredTemplate) -> Manifest:
    """The same with the ids of its row."""
    spec = manifest["spec"]
    if isinstance(row, DeviceRow):
        return {**manifest, "spec": {**spec, "deviceId": row.id}}
    known = {one.identity: one for one in row.attributes}
    attributes = [
        _pinned_attribute(one, known.get((one["label"], one["type"]))) for one in spec.get("attributes") or ()
    ]
    pins = {"templateId": row.id, **({"attributes": attributes} if attributes else {})}
    return {**manifest, "spec": {**spec, **pins}}


def _pinned_attribute(entry: Mapping[str, Any], row: RegisteredAttribute | None) -> dict[str, Any]:
    """An attribute that the registry does not have (yet) keeps what it has."""
    if row is None:
        return dict(entry)
    known = {(one.label, one.type): one for one in row.metadata}
    metadata = [
        _pinned_entry(one, known.get((one["label"], one["type"]))) for one in entry.get("metadata") or ()
    ]
    return {**entry, "id": row.id, **({"metadata": metadata} if metadata else {})}


def _pinned_entry(entry: Mapping[str, Any], row: RegisteredMetadata | None) -> dict[str, Any]:
    return {**entry, "id": row.id} if row else dict(entry)


def is_pinned(manifest: Mapping[str, Any]) -> bool:
    """Whether every id that the registry gives is declared."""
    spec = manifest["spec"]
    if manifest["kind"] == "Device":
        return "deviceId" in spec
    attributes = spec.get("attributes") or ()
    entries = [*attributes, *(one for attribute in attributes for one in attribute.get("metadata") or ())]
    return "templateId" in spec and all("id" in entry for entry in entries)
