"""Every field that this version reads or writes, and which of them an installed definition lacks.

The API server drops what its definition does not know, without a word: a version of this program on older
CRDs would lose fields silently. The operator asks at its start; a test holds this table against `crds/`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from device_registry.domain.model import Kind

from .names import VERSION

_Schema = Mapping[str, Any]

_CONDITIONS: Final = (
    "status.conditions",
    "status.conditions[].type",
    "status.conditions[].status",
    "status.conditions[].observedGeneration",
    "status.conditions[].lastTransitionTime",
    "status.conditions[].reason",
    "status.conditions[].message",
)

FIELDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.DEVICE: (
        "spec",
        "spec.deviceId",
        "spec.label",
        "spec.templates",
        "spec.templates[].name",
        "spec.attributes",
        "spec.attributes[].label",
        "spec.attributes[].type",
        "spec.attributes[].staticValue",
        "spec.attributes[].metadata",
        "spec.attributes[].metadata[].label",
        "spec.attributes[].metadata[].type",
        "spec.attributes[].metadata[].staticValue",
        "spec.credentials",
        "spec.credentials[].attribute",
        "spec.credentials[].secretRef",
        "spec.credentials[].secretRef.name",
        "spec.credentials[].secretRef.key",
        "spec.deletionPolicy",
        "spec.adoptionPolicy",
        "spec.announce",
        "status",
        "status.observedGeneration",
        "status.deviceId",
        "status.templates",
        "status.lastHandledReconcileAt",
        *_CONDITIONS,
    ),
    Kind.TEMPLATE: (
        "spec",
        "spec.label",
        "spec.templateId",
        "spec.attributes",
        "spec.attributes[].label",
        "spec.attributes[].type",
        "spec.attributes[].valueType",
        "spec.attributes[].staticValue",
        "spec.attributes[].id",
        "spec.attributes[].metadata",
        "spec.attributes[].metadata[].label",
        "spec.attributes[].metadata[].type",
        "spec.attributes[].metadata[].valueType",
        "spec.attributes[].metadata[].staticValue",
        "spec.attributes[].metadata[].id",
        "spec.compatibility",
        "spec.deletionPolicy",
        "spec.announce",
        "status",
        "status.observedGeneration",
        "status.templateId",
        "status.revision",
        "status.devices",
        "status.devices.total",
        "status.devices.current",
        "status.lastHandledReconcileAt",
        *_CONDITIONS,
    ),
}
"""Paths by kind; `[]` stands for the entries of a list."""


def missing_fields(kind: Kind, definition: Mapping[str, Any]) -> list[str]:
    """The fields of the table that a CustomResourceDefinition does not have, in the table's order."""
    known = set(paths(_schema(definition)))
    return [path for path in FIELDS[kind] if path not in known]


def paths(node: _Schema, path: str = "") -> Iterator[str]:
    """Every property below a node of a schema, with its path."""
    for name, child in (node.get("properties") or {}).items():
        here = f"{path}.{name}".removeprefix(".")
        yield here
        yield from paths(child, here)
    if "items" in node:
        yield from paths(node["items"], f"{path}[]")


def _schema(definition: Mapping[str, Any]) -> _Schema:
    """The schema of our version; empty when the definition does not serve it."""
    versions = definition["spec"]["versions"]
    found: Mapping[str, Any] = next((one for one in versions if one["name"] == VERSION), {})
    schema: _Schema = found.get("schema", {}).get("openAPIV3Schema", {})
    return schema
