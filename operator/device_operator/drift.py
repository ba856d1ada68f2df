"""What a paused device says when its row was changed behind our back: the sweep writes it.

The condition goes when the pause ends, because then the row is repaired.
"""

from datetime import datetime
from typing import Any

from device_registry.domain.model import Kind
from device_registry.domain.reasons import Reason
from device_registry.manifests.status import PAUSED, Condition, is_true, with_condition

from .needs import AnyResource

_DRIFT = "the row was changed or deleted in the registry; it is repaired when the pause ends"


def may_tell(resource: AnyResource) -> bool:
    """Whether it is a device that says already that it is paused: a worker might write the rest just now."""
    device = resource.key.kind is Kind.DEVICE
    return device and resource.paused and is_true(resource.status, PAUSED)


def drifted_status(resource: AnyResource, now: datetime) -> dict[str, Any]:
    """The status as it is, with the Drifted condition."""
    drifted = Condition(str(Reason.DRIFTED), "True", Reason.DRIFTED, _DRIFT)
    return with_condition(resource, drifted, now)
