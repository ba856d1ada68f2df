"""A tenant of a dojot database as rows of our registry, with ids, times and keys.

Nothing here reads or writes. What dojot itself does not show (orphans) is skipped. What a resource cannot
declare is left out, and what uses it as well; each is told with what to change there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from device_api.names import device_key, template_key
from device_registry.domain.model import (
    Claim,
    Credential,
    DeviceId,
    DeviceRow,
    DeviceSpec,
    Key,
    RegisteredTemplate,
    Tenant,
)
from device_registry.domain.psk import Psk
from device_registry.domain.rendering import Identity, device_document
from device_registry.reconcile.takeover import Inventory
from device_registry.reconcile.unclaimed import NEVER_CLAIMED

from .findings import Finding, left_out
from .olddevices import ConvertedDevice, convert_devices
from .oldtemplates import convert_templates
from .records import OldTenant

Unlock = Callable[[bytes], Psk | None]
"""Decrypts a key; None when it cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What a tenant becomes."""

    inventory: Inventory
    findings: tuple[Finding, ...]

    @property
    def left_out(self) -> tuple[Finding, ...]:
        """The findings that mean a loss."""
        return tuple(one for one in self.findings if one.left_out)


def convert(old: OldTenant, namespace: str, unlock: Unlock, now: datetime) -> Conversion:
    """The tenant as it will be, in a namespace that is to stand for it. `now` is when the rows come."""
    templates, remarks = convert_templates(old)
    devices, more = convert_devices(old, templates)
    placed = {one.id: _placed(one, namespace, now) for one in templates.values()}
    rows, keys, unread = [], {}, []
    for one in devices:
        found = {label: unlock(key.psk) for label, key in one.keys.items()}
        unread += [_unreadable(one, label) for label, key in found.items() if key is None]
        keys[DeviceId(one.old.id)] = {label: key for label, key in found.items() if key}
        rows.append(_row(old.name, one, device_key(namespace, one.old.id), tuple(_read(found)), now))
    inventory = Inventory(
        tenant=Tenant(old.name),
        templates=list(placed.values()),
        devices=rows,
        keys={device: some for device, some in keys.items() if some},
    )
    return Conversion(inventory=inventory, findings=(*remarks, *more, *unread))


def _read(keys: Mapping[str, Psk | None]) -> list[str]:
    return [label for label, key in keys.items() if key]


def _unreadable(device: ConvertedDevice, label: str) -> Finding:
    return left_out(
        f"key of device {device.old.id} for {label}",
        "it cannot be decrypted; set DEV_MNGR_CRYPTO_PASS, _SALT and _IV as dojot has them, or generate it"
        " again there",
    )


def _placed(template: RegisteredTemplate, namespace: str, now: datetime) -> RegisteredTemplate:
    return replace(template, claim=_claim(template_key(namespace, template.id), now), unclaimed_since=now)


def _claim(key: Key, now: datetime) -> Claim:
    return Claim(namespace=key.namespace, name=key.name, uid=NEVER_CLAIMED, created=now)


def _row(tenant: str, device: ConvertedDevice, key: Key, keys: tuple[str, ...], now: datetime) -> DeviceRow:
    old = device.old
    identity = Identity(tenant=Tenant(tenant), id=DeviceId(old.id), created=old.created, updated=old.updated)
    spec = DeviceSpec(
        label=old.label,
        templates=tuple(template_key(key.namespace, one.id).name for one in device.templates),
        overrides=device.overrides,
        device_id=identity.id,
        credentials=tuple(credential(key, label) for label in keys),
    )
    return DeviceRow(
        tenant=identity.tenant,
        id=identity.id,
        spec=spec,
        document=device_document(identity, spec, device.templates),
        templates={one.id: one.revision for one in device.templates},
        created=identity.created,
        updated=identity.updated,
        claim=_claim(key, now),
        unclaimed_since=now,
    )


def credential(device: Key, attribute: str) -> Credential:
    """How a device refers to the key of an attribute, as over REST."""
    return Credential(attribute=attribute, secret=f"{device.name}-psk", key=attribute)
