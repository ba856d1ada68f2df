"""Asks at the start whether the installed CRDs have every field that this version uses. `shell` calls it.

Older CRDs are told about, by one log line and a gauge, and nothing more: readiness stays as it is, because
everything but the missing fields works, and an operator that does not start would not even do that.
"""

import structlog

from device_registry.domain.errors import RegistryError
from device_registry.domain.model import Kind
from device_registry.manifests import PLURALS, missing_fields
from device_registry.ports import Cluster

from . import metrics

log = structlog.get_logger()


async def check_definitions(cluster: Cluster) -> None:
    """Say which fields are missing, if any are. Never raises RegistryError: it is only a look."""
    try:
        missing = [
            f"{PLURALS[kind]}: {path}"
            for kind in Kind
            for path in missing_fields(kind, await cluster.definition(kind))
        ]
    except RegistryError as error:
        log.warning("cannot tell whether the CRDs are those of this version", error=error.message)
        return
    metrics.CRD_FIELDS_MISSING.set(len(missing))
    if missing:
        log.warning(
            "the installed CRDs lack fields, which get dropped silently; apply the CRDs of this version",
            reason="CrdFieldsMissing",
            missing=missing,
        )
