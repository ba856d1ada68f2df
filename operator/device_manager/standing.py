"""Where a resource stands, read from its object: what `status` counts and `import` waits for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device_registry.domain.reasons import Reason
from device_registry.manifests import REQUESTED_AT
from device_registry.manifests.status import condition, is_true


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The conditions of an object in brief."""

    ready: bool
    reason: str
    """Why it is ready or not: a word of the vocabulary, Pending while nobody has looked at it."""
    message: str
    stalled: bool = False
    """Whether somebody must change something first."""
    published: bool
    """Whether Kafka has the event of this generation; templates have none of their own."""


def standing(obj: Mapping[str, Any]) -> Standing:
    """Where the object stands now."""
    status = obj.get("status") or {}
    ready = condition(status, "Ready")
    if ready is None or not _is_current(obj, status):
        return _unseen(status)
    return Standing(
        ready=ready["status"] == "True",
        reason=ready["reason"],
        message=ready["message"],
        stalled=is_true(status, "Stalled"),
        published=obj["kind"] == "Template" or is_true(status, "Published"),
    )


def _is_current(obj: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    """Whether the status is about this generation, and was written after the last request to look again."""
    meta = obj["metadata"]
    requested = (meta.get("annotations") or {}).get(REQUESTED_AT, "")
    handled = status.get("lastHandledReconcileAt", "")
    return bool(status.get("observedGeneration") == meta["generation"] and requested == handled)


def _unseen(status: Mapping[str, Any]) -> Standing:
    """The operator has not acted on the object as it is, or not at all."""
    if is_true(status, "Paused"):
        return Standing(ready=False, reason=Reason.PAUSED, message="it is paused", published=False)
    return Standing(
        ready=False, reason=Reason.PENDING, message="the operator has not looked at it yet", published=False
    )
