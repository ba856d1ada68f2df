"""Builds Kubernetes Events (events.k8s.io/v1), which `kubectl describe` shows below a resource."""

from datetime import datetime
from typing import Any, Final

from device_registry.domain.model import DeviceSpec, TemplateSpec

from .names import GROUP, VERSION
from .parsing import Resource

REPORTER: Final = "device-manager"
"""Whom Events name as their origin."""
_NOTE_BYTES: Final = 1023
"""What the API server takes at the most."""
_NAME_BOUND: Final = 200
"""Characters of the resource's name that begin the Event's: the API server adds its own ending."""


def event_manifest(
    resource: Resource[DeviceSpec] | Resource[TemplateSpec],
    *,
    type_: str,
    reason: str,
    note: str,
    now: datetime,
) -> dict[str, Any]:
    """An Event about a resource. `type_` is Normal or Warning, `note` is cut where it is too long."""
    key = resource.key
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": key.namespace, "generateName": f"{key.name[:_NAME_BOUND]}-"},
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": type_,
        "reason": reason,
        "action": "Reconcile",
        "note": note.encode()[:_NOTE_BYTES].decode(errors="ignore"),
        "reportingController": REPORTER,
        "reportingInstance": REPORTER,
        "regarding": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": str(key.kind),
            "namespace": key.namespace,
            "name": key.name,
            "uid": resource.declared.uid,
        },
    }
