"""Finds out whether the event of a device has reached Kafka, for the condition Published."""

import asyncio
from collections.abc import Callable

from device_registry.domain.model import Key
from device_registry.domain.reasons import Reason
from device_registry.manifests.status import Published
from device_registry.ports import Registry
from device_registry.reconcile import Result

from .acknowledgements import Acknowledgements, Position


class Publishing:
    """Waits a moment for the relay, so that one status write tells everything.

    `broker_available` is what the relay saw last; `wait_seconds` the moment.
    """

    def __init__(
        self,
        registry: Registry,
        acknowledgements: Acknowledgements,
        broker_available: Callable[[], bool],
        wait_seconds: float,
    ) -> None:
        self._registry = registry
        self._acknowledgements = acknowledgements
        self._broker_available = broker_available
        self._wait_seconds = wait_seconds

    async def of(self, key: Key, result: Result) -> Published | None:
        """Where the event of a device is, None when it is not registered.

        While it is not sent the key is noted, and looked at again as soon as it is. May raise
        RegistryUnavailable.
        """
        if not result.outcome.registered:
            return None
        position = Position(result.outcome.tenant, result.outcome.target, result.outcome.sequence)
        if await self._is_sent(position, fresh=result.event is not None):
            return Published(reason=Reason.ACKNOWLEDGED)
        self._acknowledgements.wake_later(position, key)
        return Published(reason=await self._where(position))

    async def _is_sent(self, position: Position, *, fresh: bool) -> bool:
        if position.sequence == 0 or self._acknowledgements.has(position):
            return True
        if not fresh or not self._broker_available():
            return False
        return await self._acknowledgements.wait(position, self._wait_seconds)

    async def _where(self, position: Position) -> Reason:
        """What the registry knows: the event may have been sent by an earlier run, or put aside."""
        reason = await asyncio.to_thread(self._registry.publication, *position)
        if reason is Reason.PENDING and not self._broker_available():
            return Reason.BROKER_UNAVAILABLE
        return reason
