"""The Secret in which the keys of a device are kept: for the facade, for imports and for exports."""

from collections.abc import Mapping
from typing import Any, Final

from .authorship import REST_MANAGER
from .names import MANAGED_BY, SECRET_LABEL

_LONGEST_LABEL: Final = 63


def secret_manifest(
    namespace: str, name: str, device: str, data: Mapping[str, str], **meta: Any
) -> dict[str, Any]:
    """A Secret for the Device of that name; `data` are in base64, `meta` what its metadata say besides."""
    labels = {MANAGED_BY: REST_MANAGER, SECRET_LABEL: device[:_LONGEST_LABEL]}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, **meta},
        "type": "Opaque",
        "data": dict(sorted(data.items())),
    }
