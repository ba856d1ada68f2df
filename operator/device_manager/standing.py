"""Where a resource stands, read from its object: what `status` counts and `import` waits for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device_registry.domain.reasons import Reason
from device_registry.manifests.status import condition, is_true


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The conditions of an object in brief."""

    ready: bool
    reason: str
    """Why it is ready or not: a word of the vocabulary, Pending while nobody has looked at it."""
    message: str
    published: bool
    """Whether Kafka has the event of this generation; templates have none of their own."""


def standing(obj: Mapping[str, Any]) -> Standing:
    """Where the object stands now."""
    status = obj.get("status") or {}
    ready = condition(status, "Ready")
    if ready is None or status.get("observedGeneration") != obj["metadata"]["generation"]:
        return _unseen(status)
    return Standing(
        ready=ready["status"] == "True",
        reason=ready["reason"],
        message=ready["message"],
        published=obj["kind"] == "Template" or is_true(status, "Published"),
    )


def _unseen(status: Mapping[str, Any]) -> Standing:
    """The operator has not acted on the object as it is, or not at all."""
    if is_true(status, "Paused"):
        return Standing(ready=False, reason=Reason.PAUSED, message="it is paused", published=False)
    return Standing(
        ready=False, reason=Reason.PENDING, message="the operator has not looked at it yet", published=False
    )
