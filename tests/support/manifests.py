"""Manifests as a person would write them, to be changed by a test before they are applied."""

from __future__ import annotations

from typing import Any


def a_template(name: str = "thermometer", namespace: str = "", **spec: Any) -> dict[str, Any]:
    """Return a Template with one attribute that has one metadata entry; `spec` adds or replaces."""
    unit = {"label": "unit", "type": "static", "valueType": "string", "staticValue": "celsius"}
    temperature = {
        "label": "temperature",
        "type": "dynamic",
        "valueType": "float",
        "metadata": [unit],
    }
    return _resource("Template", name, namespace, {"attributes": [temperature], **spec})


def a_device(name: str = "freezer-7", namespace: str = "", **spec: Any) -> dict[str, Any]:
    """Return a Device of one template with one override; `spec` adds or replaces."""
    serial = {"label": "serial", "type": "static", "staticValue": "SN-1"}
    templates = [{"name": "thermometer"}]
    spec = {"templates": templates, "attributes": [serial], **spec}
    return _resource("Device", name, namespace, spec)


def changed(manifest: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Set the value at a dotted path (numbers are list indices) and return the manifest."""
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    target: Any = manifest
    for step in parents:
        target = target[step]
    target[last] = value
    return manifest


def _resource(kind: str, name: str, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "dojot.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
