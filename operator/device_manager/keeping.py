"""The Secrets of devices that are taken over, as the facade makes them for new keys."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final

from device_api.secrets_of import DEVICE, MANAGED_BY
from device_registry.domain.errors import Conflict
from device_registry.domain.model import DeviceRow
from device_registry.domain.psk import Psk
from device_registry.manifests.authorship import REST_MANAGER
from device_registry.reconcile.takeover import Inventory

from .cluster import People

_LONGEST_LABEL: Final = 63


async def write_secrets(people: People, inventory: Inventory) -> None:
    """Make or renew the Secrets, before the devices that refer to them."""
    for row in inventory.devices:
        keys = inventory.keys.get(row.id)
        if keys:
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
    namespace, name = row.claim.place
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "namespace": namespace,
            "name": row.spec.credentials[0].secret,
            "labels": {MANAGED_BY: REST_MANAGER, DEVICE: name[:_LONGEST_LABEL]},
        },
        "data": {label: base64.b64encode(key.digits.encode()).decode() for label, key in keys.items()},
    }


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
