"""The names that manifests carry: group, version, finalizer, annotations."""

from typing import Final

from device_registry.domain.model import Kind

GROUP: Final = "dojot.io"
VERSION: Final = "v1alpha1"
PLURALS: Final = {Kind.DEVICE: "devices", Kind.TEMPLATE: "templates"}

FINALIZER: Final = "dojot.io/device-manager"
"""Ours alone: kopf uses another name, so that neither removes the other's."""

PAUSED: Final = "dojot.io/paused"
"""On a resource: "true" stops everything but deletion."""
REQUESTED_AT: Final = "dojot.io/reconcile-requested-at"
"""On a resource: a token; a new one means reconcile now, and it is acknowledged in the status."""

REQUEST: Final = "dojot.io/request"
"""On a resource: which REST request wrote it, and for whom (see `authorship`)."""

SECRET_LABEL: Final = "dojot.io/device"  # noqa: S105 - the name of a label
"""On a Secret with keys, with any value: whoever watches Secrets selects by it."""

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
"""On a Secret with keys: REST_MANAGER where REST has made it, and then keeps it."""

TENANT: Final = "dojot.io/tenant"
"""On a namespace: the tenant that it stands for."""
DELETION_POLICY: Final = "dojot.io/deletion-policy"
"""On a namespace: the default policy of its resources."""
ALLOW_MASS_DELETION: Final = "dojot.io/allow-mass-deletion"
"""On a namespace: until when deletions beyond the budget are allowed."""
