"""Custom resources in and out: the only place that knows the keys of their YAML.

The operator parses watch events with `parse`, the facade writes manifests with `device_manifest` and
`template_manifest`, the registry keeps specs in the form of `device_spec`, and `status` builds what
`kubectl get` shows.
"""

from .authorship import REST_MANAGER, author, note, undertaking_of, writer
from .fields import missing_fields
from .names import (
    ALLOW_MASS_DELETION,
    DELETION_POLICY,
    FINALIZER,
    GROUP,
    MANAGED_BY,
    PAUSED,
    PLURALS,
    REQUESTED_AT,
    SECRET_LABEL,
    TENANT,
    VERSION,
)
from .notices import event_manifest
from .parsing import Resource, key_of, parse, parse_device_spec, parse_template_spec
from .secrets import secret_manifest
from .writing import device_manifest, device_spec, edited_spec, template_manifest, template_spec

__all__ = [
    "ALLOW_MASS_DELETION",
    "DELETION_POLICY",
    "FINALIZER",
    "GROUP",
    "MANAGED_BY",
    "PAUSED",
    "PLURALS",
    "REQUESTED_AT",
    "REST_MANAGER",
    "SECRET_LABEL",
    "TENANT",
    "VERSION",
    "Resource",
    "author",
    "device_manifest",
    "device_spec",
    "edited_spec",
    "event_manifest",
    "key_of",
    "missing_fields",
    "note",
    "parse",
    "parse_device_spec",
    "parse_template_spec",
    "secret_manifest",
    "template_manifest",
    "template_spec",
    "undertaking_of",
    "writer",
]
