"""The devices whose deletion is held by the budget: who they are, and what their status says."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import structlog

from device_registry.domain.model import Key
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.manifests.status import Condition, with_condition

from .needs import DeviceResource

log = structlog.get_logger()

_CONDITION = str(Reason.DELETION_HELD)


class Held:
    """The held devices by namespace, so that a permission wakes them at once."""

    def __init__(self) -> None:
        self._keys: dict[str, set[Key]] = {}

    def note(self, key: Key) -> None:
        """The deletion of a device is held; the first of a namespace is logged."""
        if key.namespace not in self._keys:
            log.warning(
                "the deletion budget is used up, deletions are held",
                namespace=key.namespace,
                reason=_CONDITION,
            )
        self._keys.setdefault(key.namespace, set()).add(key)

    def gone(self, key: Key) -> None:
        """The device is not held any more."""
        keys = self._keys.get(key.namespace, set())
        keys.discard(key)
        if not keys:
            self._keys.pop(key.namespace, None)

    def of(self, namespace: str) -> Iterable[Key]:
        """The held devices of a namespace."""
        return sorted(self._keys.get(namespace, ()))

    def __len__(self) -> int:
        return sum(map(len, self._keys.values()))


def held_status(device: DeviceResource, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """The status as it is, with the condition DeletionHeld: the device is as registered as before."""
    held = Condition(_CONDITION, "True", Reason.DELETION_HELD, outcome.message)
    return with_condition(device, held, now, observed=device.declared.generation)
