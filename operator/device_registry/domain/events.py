"""What the registry tells the world: the events of the dojot contract and their envelope.

Reconcile and the facade append them to the outbox in the transaction of the change; the relay sends them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from .model import Declared, DeviceId, DeviceRow, DeviceSpec, RegisteredTemplate, Tenant
from .rendering import template_view, timestamp, to_json


class EventType(StrEnum):
    """The value of `event` in a notification (contract: Kafka, topic and envelope)."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"
    CONFIGURE = "configure"
    TEMPLATE_UPDATE = "template.update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event that is about to be written to the outbox; the outbox gives it its sequence."""

    tenant: Tenant
    subject: str
    """Whose stream it belongs to: a device id, or `template/<id>`. Order and sequence are per subject."""
    type: EventType
    payload: str
    """The notification, JSON."""
    created: datetime
    revision: int = 0
    generation: int = 0
    uid: str = ""
    writer: str = ""
    request: str = ""
    """The id of the REST request that caused it, if one did."""


def device_event(
    kind: EventType,
    row: DeviceRow,
    now: datetime,
    cause: Declared[DeviceSpec] | None = None,
    document: str | None = None,
) -> Event:
    """create, update or remove of a device.

    `cause` is the resource that asked for it, if one did; `document` is told instead of the row's.
    """
    return Event(
        tenant=row.tenant,
        subject=row.id,
        type=kind,
        payload=envelope(kind, document or row.document.body, row.tenant),
        created=now,
        revision=row.revision,
        generation=cause.generation if cause else row.generation,
        uid=cause.uid if cause else (row.claim.uid if row.claim else ""),
        writer=cause.writer if cause else "",
        request=cause.request if cause else "",
    )


def template_event(template: RegisteredTemplate, affected: list[DeviceId], now: datetime) -> Event:
    """template.update, which follows the updates of the devices that use the template."""
    data = to_json({"affected": affected, "template": template_view(template)})
    return Event(
        tenant=template.tenant,
        subject=f"template/{template.id}",
        type=EventType.TEMPLATE_UPDATE,
        payload=envelope(EventType.TEMPLATE_UPDATE, data, template.tenant),
        created=now,
        revision=template.revision,
        generation=template.generation,
        uid=template.claim.uid if template.claim else "",
    )


def configure_event(
    tenant: Tenant, device_id: str, data: Mapping[str, Any], now: datetime, *, writer: str
) -> Event:
    """What is sent to a device: the fields of the request as they came, and the device's id.

    Unlike the others it tells when, in milliseconds: consumers keep it as data of the device.
    """
    meta = to_json({"service": tenant, "timestamp": int(now.timestamp() * 1000)})
    body = to_json({**data, "id": device_id})
    return Event(
        tenant=tenant,
        subject=device_id,
        type=EventType.CONFIGURE,
        payload=f'{{"data":{body},"event":{to_json(EventType.CONFIGURE)},"meta":{meta}}}',
        created=now,
        writer=writer,
    )


def envelope(kind: EventType, data: str, tenant: Tenant) -> str:
    """`{"data", "event", "meta": {"service"}}`; `data` is JSON already and goes in byte for byte."""
    return f'{{"data":{data},"event":{to_json(kind)},"meta":{{"service":{to_json(tenant)}}}}}'


# --- on the wire ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event in the outbox."""

    id: int
    """Position in the outbox."""
    sequence: int
    """1, 2, 3 … without a hole within the stream of its subject."""
    event: Event

    @property
    def key(self) -> str:
        """The Kafka key: one device is one partition, so its events stay in order."""
        return f"{self.event.tenant}:{self.event.subject}"

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """CloudEvents in binary mode, and what lets a consumer recognise doubles and gaps."""
        event = self.event
        texts = {
            "ce_specversion": "1.0",
            "ce_id": f"{event.tenant}/{event.subject}/{self.sequence}",
            "ce_type": f"io.dojot.device.{event.type}",
            "ce_source": f"/device-manager/{event.tenant}",
            "ce_subject": event.subject,
            "ce_time": timestamp(event.created),
            "content-type": "application/json",
            "dojot_sequence": str(self.sequence),
            "dojot_revision": str(event.revision),
            "dojot_generation": str(event.generation),
            "dojot_uid": event.uid,
            "dojot_writer": event.writer,
            **({"dojot_request": event.request} if event.request else {}),
        }
        return [(name, text.encode()) for name, text in texts.items()]
