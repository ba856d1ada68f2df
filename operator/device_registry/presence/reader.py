"""Presence as the facade reads it: many devices in one round trip, no waiting for a Redis that is away."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from redis import RedisError
from redis.asyncio import Redis

from device_registry.backoff import Holds
from device_registry.domain.model import DeviceId, Tenant
from device_registry.domain.reasons import Reason

from .values import READING_KEY, PresenceStatus, key

log = structlog.get_logger()

LONGEST_HOLD_SECONDS = 5.0
"""How soon at the latest Redis is asked again; until then answers go without statuses, and at once."""


class PresenceReader:
    """Tells who is online. None as an answer: nobody knows, data are unread or Redis is away."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._holds = Holds[str](LONGEST_HOLD_SECONDS)
        self.available = True
        """Whether Redis answered when it was last asked."""

    async def statuses(
        self, tenant: Tenant, devices: Sequence[DeviceId]
    ) -> Mapping[DeviceId, PresenceStatus] | None:
        """The status of each of these devices; a device that was never heard of is offline. Never raises."""
        if READING_KEY in self._holds:
            return None
        try:
            reading, ends = await self._ask(tenant, devices)
        except (RedisError, OSError) as error:
            self._is_away(error)
            return None
        self._is_back()
        if not reading:
            return None
        return {device: _status(end) for device, end in zip(devices, ends, strict=True)}

    async def close(self) -> None:
        """Release the connections."""
        await self._client.aclose()

    async def _ask(self, tenant: Tenant, devices: Sequence[DeviceId]) -> Sequence[Any]:
        together = self._client.pipeline(transaction=False)
        together.exists(READING_KEY)
        together.zmscore(key(tenant, "until"), list(devices))
        answers: Sequence[Any] = await together.execute()
        return answers

    def _is_away(self, error: Exception) -> None:
        self._holds.fail(READING_KEY)
        if self.available:
            self.available = False
            log.warning(
                "answers go without statuses", reason=Reason.PRESENCE_UNAVAILABLE.value, error=str(error)
            )

    def _is_back(self) -> None:
        self._holds.succeed(READING_KEY)
        if not self.available:
            self.available = True
            log.info("answers show statuses again", reason=Reason.PRESENCE_UNAVAILABLE.value)


def _status(end: float | None) -> PresenceStatus:
    return PresenceStatus.OFFLINE if end is None else PresenceStatus.ONLINE
