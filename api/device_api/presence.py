"""`status` in the documents that are read, when a monitor keeps it (STATUS_IN_DOCUMENTS).

The stored documents stay as they are: one word is put into the text. What is not known is not said, so
without a monitor, or while Redis is away, documents are those that were stored.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

from device_registry.domain.model import DeviceId, Tenant
from device_registry.presence import PresenceStatus
from device_registry.registry.reader import DevicesPage

from .context import Context

_BEFORE = ',"templates":['
"""What follows `status` in the order of the keys. Only numbers and a time come after it in a document."""

_DECODER = json.JSONDecoder()


async def shown(context: Context, tenant: Tenant, document: str) -> str:
    """The document of a device with its status."""
    return ",".join(await _all_shown(context, tenant, document))


async def page_shown(context: Context, tenant: Tenant, found: DevicesPage) -> DevicesPage:
    """A page of devices with their statuses, which costs one question to Redis."""
    if context.presence is None or not found.bodies:
        return found
    return replace(found, bodies=",".join(await _all_shown(context, tenant, found.bodies)))


async def _all_shown(context: Context, tenant: Tenant, bodies: str) -> list[str]:
    """Documents that were joined by commas, apart."""
    if context.presence is None:
        return [bodies]
    documents = list(_apart(bodies))
    statuses = await context.presence.statuses(tenant, [device for device, _ in documents])
    if statuses is None:
        return [bodies]
    return [_with(document, statuses[device]) for device, document in documents]


def _apart(bodies: str) -> Iterator[tuple[DeviceId, str]]:
    begin = 0
    while begin < len(bodies):
        found, end = _DECODER.raw_decode(bodies, begin)
        yield found["id"], bodies[begin:end]
        begin = end + 1


def _with(document: str, status: PresenceStatus) -> str:
    before, after, rest = document.rpartition(_BEFORE)
    return f'{before},"status":"{status}"{after}{rest}'
