"""Tells Kafka who came and went (STATUS_NOTICES): each transition once, in order for each device.

Notices are taken from Redis, sent, and struck out. A monitor that dies in between leaves a doubt: were they
sent? Since monitors read the topics that they write to, the answer comes by itself: once every partition has
been read to where it ended after the death, what has not been found there was not sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from device_registry.domain.model import Tenant
from device_registry.domain.rendering import timestamp, to_json
from device_registry.presence import Notice

from .messages import STATUS_UPDATE

_ID_HEADER = "dojot_notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A notice as Kafka gets it."""

    id: str
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


def letter(tenant: Tenant, notice: Notice) -> Letter:
    """The record of a notice; contract: device data, without `attrs`."""
    metadata = {
        "deviceid": notice.device,
        "reason": STATUS_UPDATE,
        "status": notice.status,
        "tenant": tenant,
    }
    return Letter(
        id=notice.id,
        key=f"{tenant}:{notice.device}".encode(),
        value=to_json({"metadata": metadata}).encode(),
        headers=[(name, text.encode()) for name, text in _headers(tenant, notice).items()],
    )


def notice_id(headers: Sequence[tuple[str, bytes]]) -> str | None:
    """The id of the notice that a record is; None for everything else."""
    return next(
        (value.decode("ascii", "replace") for name, value in headers if name == _ID_HEADER and value), None
    )


def _headers(tenant: Tenant, notice: Notice) -> Mapping[str, str]:
    return {
        "ce_specversion": "1.0",
        "ce_id": f"{tenant}/status/{notice.id}",
        "ce_type": "io.dojot.device.status",
        "ce_source": f"/device-manager/{tenant}",
        "ce_subject": notice.device,
        "ce_time": timestamp(datetime.fromtimestamp(notice.time / 1000, UTC)),
        "content-type": "application/json",
        _ID_HEADER: notice.id,
    }
