"""GET /internal/device: devices with their keys, for agents. The gateway lets nobody from outside in."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import structlog

from device_registry.domain.errors import KeyUnreadable
from device_registry.domain.keys import with_keys
from device_registry.domain.model import Tenant
from device_registry.domain.psk import Psk, Sealed
from device_registry.domain.rendering import to_json
from device_registry.registry.filters import Filters, Page
from device_registry.registry.reader import DevicesPage

from . import devices
from .context import Context

_LOG = structlog.get_logger(__name__)


async def device(context: Context, tenant: Tenant, device_id: str) -> str:
    """The document of a device with its keys. Raises Problem (404)."""
    document = await devices.document(context, tenant, device_id)
    return with_keys(document, (await keys_of(context, tenant, [device_id])).get(device_id, {}))


async def devices_page(context: Context, tenant: Tenant, wanted: Filters, page: Page) -> DevicesPage:
    """A page of devices with their keys: two statements, however many devices there are."""
    found = await context.reader.devices_page(tenant, wanted, page)
    documents: list[dict[str, Any]] = json.loads(f"[{found.bodies}]")
    keys = await keys_of(context, tenant, [one["id"] for one in documents])
    shown = [with_keys(to_json(one), keys.get(one["id"], {})) for one in documents]
    return replace(found, bodies=",".join(shown))


async def keys_of(context: Context, tenant: Tenant, ids: Collection[str]) -> dict[str, dict[str, Psk]]:
    """The keys of these devices by id and label, as far as they can be opened."""
    sealed = await context.reader.keys_of(tenant, ids)
    return {device_id: _opened(context, (tenant, device_id), one) for device_id, one in sealed.items()}


def _opened(context: Context, place: tuple[str, str], sealed: Mapping[str, Sealed]) -> dict[str, Psk]:
    """The keys that can be opened: one that cannot must not take the others with it."""
    keys: dict[str, Psk] = {}
    if context.vault is None:
        return keys
    for label, one in sealed.items():
        try:
            keys[label] = context.vault.open(one, (*place, label))
        except KeyUnreadable as error:
            _LOG.error("a key cannot be shown", error=error.message)
    return keys
