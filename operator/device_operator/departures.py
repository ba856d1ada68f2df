"""What shall become of the row of a resource that is being deleted; workers ask before they release it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from device_registry.domain.model import DeletionPolicy
from device_registry.reconcile import Departure

from .definitions import Definitions
from .subjects import Subject


class Departures:
    """Puts together what the resource, its namespace, the settings and the state of its kind say.

    `default` is the policy where neither resource nor namespace names one.
    """

    def __init__(
        self, definitions: Definitions, clock: Callable[[], datetime], default: DeletionPolicy
    ) -> None:
        self._definitions = definitions
        self._clock = clock
        self._default = default

    async def of(self, subject: Subject) -> Departure[Any]:
        """The departure of a resource. Raises ClusterUnavailable as the port Cluster does."""
        declared, until = subject.resource.declared, subject.allowed_until
        policy = subject.policy or self._default
        if policy is DeletionPolicy.DELETE and await self._definitions.ending(declared.key.kind):
            policy = DeletionPolicy.RETAIN
        allowed = until is not None and self._clock() < until
        return Departure(declared=declared, policy=policy, unlimited=allowed)
