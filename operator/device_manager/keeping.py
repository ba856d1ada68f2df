"""The Secrets of devices that are taken over or exported, as the facade makes them for new keys."""

import base64
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

from device_registry.domain.errors import Conflict, NotFound, Refused
from device_registry.domain.model import DeviceRow, Key, Kind
from device_registry.domain.psk import Psk
from device_registry.domain.reasons import Reason
from device_registry.key_ports import Vault
from device_registry.manifests import REST_MANAGER, secret_manifest
from device_registry.ports import Transaction
from device_registry.reconcile.takeover import Inventory

from .cluster import People


async def write_secrets(people: People, inventory: Inventory, devices: Collection[Key]) -> None:
    """Make or renew the Secrets of these devices, before the devices that refer to them."""
    for row in inventory.devices:
        keys = inventory.keys.get(row.id)
        if keys and row.claim and Key(Kind.DEVICE, *row.claim.place) in devices:
            await _write(people, secret(row, keys))


async def _write(people: People, manifest: Mapping[str, Any]) -> None:
    meta = manifest["metadata"]
    try:
        await people.create_secret(manifest, REST_MANAGER)
    except Conflict:
        change = {"data": manifest["data"], "metadata": {"labels": meta["labels"]}}
        await people.patch_secret(meta["namespace"], meta["name"], change, REST_MANAGER)


def secret(row: DeviceRow, keys: Mapping[str, Psk]) -> dict[str, Any]:
    """The Secret of a device; its owner is not known before the device is there."""
    assert row.claim is not None, "it is reserved for a resource"
    namespace, device = row.claim.place
    data = {label: _encoded(key) for label, key in keys.items()}
    return secret_manifest(namespace, row.spec.credentials[0].secret, device, data)


def _encoded(key: Psk) -> str:
    return base64.b64encode(key.digits.encode()).decode()


async def own_secrets(people: People, stored: Iterable[Mapping[str, Any]]) -> None:
    """Tie the Secrets to their devices, so that they go with them."""
    for obj in stored:
        meta = obj["metadata"]
        owner = {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": meta["name"],
            "uid": meta["uid"],
        }
        for name in sorted({one["secretRef"]["name"] for one in obj["spec"].get("credentials") or ()}):
            change = {"metadata": {"ownerReferences": [owner]}}
            await people.patch_secret(meta["namespace"], name, change, REST_MANAGER)


# --- for exports ------------------------------------------------------------------------------------


async def secrets_in_cluster(people: People, manifests: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The Secrets that devices refer to, as they could be applied again; missing ones are left out."""
    refs = {
        (one["metadata"]["namespace"], credential["secretRef"]["name"])
        for one in manifests
        for credential in one["spec"].get("credentials") or ()
    }
    found = []
    for namespace, name in sorted(refs):
        with suppress(NotFound):
            found.append(_clean(await people.secret(namespace, name)))
    return found


def _clean(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Without its owner, which has another uid elsewhere."""
    meta = obj["metadata"]
    kept = {name: meta[name] for name in ("name", "namespace", "labels") if meta.get(name)}
    data = dict(sorted((obj.get("data") or {}).items()))
    return {"apiVersion": "v1", "kind": "Secret", "metadata": kept, "type": obj["type"], "data": data}


def secrets_of_rows(
    transaction: Transaction, vault: Vault, rows: Mapping[Key, DeviceRow]
) -> list[dict[str, Any]]:
    """The Secrets that the resources of these rows refer to, made of the keys that the registry keeps.

    Raises KeyUnreadable when another password encrypted one, Refused when devices disagree about one.
    """
    refs = {(row.tenant, row.id): key for key, row in rows.items() if row.spec.credentials}
    found: dict[tuple[str, str], _Entries] = defaultdict(_Entries)
    for ref, sealed in (transaction.keys(list(refs)) if refs else {}).items():
        device = refs[ref]
        for one in rows[device].spec.credentials:
            if one.attribute in sealed:
                opened = vault.open(sealed[one.attribute], (*ref, one.attribute))
                found[device.namespace, one.secret].add(one.key, _encoded(opened), device.name)
    return [
        secret_manifest(*place, min(one.devices.values()), one.data) for place, one in sorted(found.items())
    ]


class _Entries:
    """What is known of one Secret: several devices may refer to it."""

    def __init__(self) -> None:
        self.data: dict[str, str] = {}
        self.devices: dict[str, str] = {}
        """By entry, the device whose key it is."""

    def add(self, entry: str, value: str, device: str) -> None:
        """Raises Refused when another device has another key in the entry."""
        if self.data.setdefault(entry, value) != value:
            raise Refused(
                Reason.INVALID_KEY,
                f'{self.devices[entry]} and {device} share the entry "{entry}" of a Secret and have different'
                " keys in the registry; export from the cluster instead",
            )
        self.devices.setdefault(entry, device)
