"""What a record of device data says about presence. Pure; `reader` asks for each record.

Contract: `metadata.deviceid` and `metadata.tenant` name the device, `metadata.exp` says for how many seconds
the message counts, `metadata.reason == "statusUpdate"` marks notices of a monitor. Everything else is none of
our business.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any

from device_registry.domain.model import DeviceId, Tenant

STATUS_UPDATE = "statusUpdate"
"""`metadata.reason` of our own notices."""

_LONGEST_SECONDS = 10 * 365 * 86_400
"""What counts for longer than ten years is a slip."""

_LONGEST_ID = 64
"""Characters; no device has a longer id."""

NOBODY = DeviceId("")
"""In place of a device, where a record is about none."""


class Result(StrEnum):
    """What became of a record; the words stand in the metric."""

    SEEN = "Seen"
    """The device is there."""
    INVALID_EXPIRY = "InvalidExpiry"
    """The device is there; `exp` is no number of seconds above 0 and was ignored."""
    STATUS_UPDATE = "StatusUpdate"
    """A notice of a monitor, which says nothing new."""
    MALFORMED = "Malformed"
    """No JSON object."""
    NO_METADATA = "NoMetadata"
    """No metadata that names a device and its tenant."""
    WRONG_TENANT = "WrongTenant"
    """It names another tenant than the one whose topic it came by."""
    UNKNOWN_DEVICE = "UnknownDevice"
    """The tenant has no such device."""


@dataclass(frozen=True, slots=True)
class Message:
    """A record, understood. `device` is empty unless `result` says that one is there."""

    result: Result
    device: DeviceId = NOBODY
    seconds: float | None = None
    """How long it counts, if it says so."""


def understand(value: bytes | None, tenant: Tenant) -> Message:
    """Read the value of a record from the topic of a tenant. Never raises."""
    metadata = _metadata(value)
    if isinstance(metadata, Result):
        return Message(metadata)
    if metadata.get("reason") == STATUS_UPDATE:
        return Message(Result.STATUS_UPDATE)
    device, claimed = metadata.get("deviceid"), metadata.get("tenant")
    if not isinstance(claimed, str) or not isinstance(device, str) or not _is_id(device):
        return Message(Result.NO_METADATA)
    if claimed != tenant:
        return Message(Result.WRONG_TENANT)
    return _seen(DeviceId(device), metadata.get("exp"))


def _metadata(value: bytes | None) -> dict[str, Any] | Result:
    try:
        content = json.loads(value or b"")
    except (ValueError, RecursionError):
        return Result.MALFORMED
    if not isinstance(content, dict):
        return Result.MALFORMED
    metadata = content.get("metadata")
    return metadata if isinstance(metadata, dict) else Result.NO_METADATA


def _is_id(device: str) -> bool:
    return 0 < len(device) <= _LONGEST_ID and device.isprintable()


def _seen(device: DeviceId, expiry: Any) -> Message:
    if expiry is None:
        return Message(Result.SEEN, device)
    if isinstance(expiry, bool) or not isinstance(expiry, int | float) or not _is_duration(expiry):
        return Message(Result.INVALID_EXPIRY, device)
    return Message(Result.SEEN, device, float(expiry))


def _is_duration(seconds: float) -> bool:
    return isfinite(seconds) and 0 < seconds <= _LONGEST_SECONDS
