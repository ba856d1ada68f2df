"""What is said about presence, and the names of the keys in Redis."""

from dataclasses import dataclass
from enum import StrEnum

from device_registry.domain.model import DeviceId, Tenant

MONITORS_KEY = "presence:monitors"
"""Which monitors are there."""

SHARES_KEY = "presence:shares"
"""Up to when each of them has read its share."""

READING_KEY = "presence:reading"
"""There while everything was read lately: without it nobody knows who is online."""

READING_SECONDS = 60
"""How long statuses are believed that nobody keeps up to date."""


class PresenceStatus(StrEnum):
    """Whether data of a device came lately."""

    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A transition that Kafka is to hear of."""

    id: str
    """Unique within the tenant, and ascending."""
    device: DeviceId
    status: PresenceStatus
    time: int
    """When the device came or went, milliseconds since 1970."""


def key(tenant: Tenant, what: str) -> str:
    """A key of a tenant; the scripts say what each holds. Names of tenants have no colon."""
    return f"presence:{tenant}:{what}"
