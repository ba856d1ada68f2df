"""Devices over REST: made, changed and removed as resources, found in the registry."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from device_registry.domain.model import DeviceId, DeviceSpec, Key, Tenant
from device_registry.manifests import device_manifest
from device_registry.registry.bindings import StoredDevice

from . import bulk, fitting, names, overrides, removing, secrets_of, writes
from .announcing import token
from .bodies import DeviceBody
from .context import Context
from .keeping import lost_keys, with_templates
from .problems import no_such, refusal, unclaimed

_ID_BYTES = 3
"""Six hexadecimal digits, as dojot's ids have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    """A device that was just registered."""

    id: DeviceId
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A registered device, and the resource through which it can be changed."""

    id: DeviceId
    body: str
    key: Key
    uid: str

    @property
    def location(self) -> str:
        """Where a client finds it."""
        return f"/device/{self.id}"


async def document(context: Context, tenant: Tenant, device_id: str) -> str:
    """The document of a device. Raises Problem (404)."""
    body = None if "\0" in device_id else await context.reader.device(tenant, device_id)
    if body is None:
        raise no_such("device", device_id)
    return body


async def declared(context: Context, tenant: Tenant, device_id: str) -> Declared:
    """A device that is to be changed.

    Raises Problem: 404, 409 when no resource declares it, 403 when that is in a namespace which nobody has
    bound to the tenant.
    """
    stored = None if "\0" in device_id else await context.reader.stored_device(tenant, device_id)
    if stored is None:
        raise no_such("device", device_id)
    found = _with_resource(stored)
    await context.namespaces.check(tenant, [found.key.namespace])
    return found


async def create(context: Context, tenant: Tenant, body: DeviceBody, count: int) -> list[NewDevice]:
    """Make so many devices, all or none. Raises Problem."""
    labels = body.labels(count)
    used = await fitting.find_all(context, tenant, body.templates)
    wanted = overrides.translate(body.overrides, used)
    ids = [await _chosen(context, tenant, body.id)] if body.id else await _free(context, tenant, count)
    namespace = await context.namespaces.of(tenant)
    places = fitting.names_in(namespace, used, ids[0])
    specs = [
        DeviceSpec(label=label, templates=places, overrides=wanted, device_id=device_id)
        for label, device_id in zip(labels, ids, strict=True)
    ]
    await _register(context, namespace, specs)
    return [NewDevice(id=device_id, label=label) for device_id, label in zip(ids, labels, strict=True)]


async def update(context: Context, tenant: Tenant, device_id: str, body: DeviceBody) -> str:
    """Replace a device by what the body says; its keys stay. Answers the document. Raises Problem."""
    device = await declared(context, tenant, device_id)
    used = await fitting.find_all(context, tenant, body.templates)
    wanted = overrides.translate(body.overrides, used)
    places = fitting.names_in(device.key.namespace, used, device_id)
    announce = token()

    def edit(spec: DeviceSpec) -> DeviceSpec:
        described = replace(spec, label=body.label, overrides=wanted, announce=announce)
        return with_templates(described, places, used)

    await change(context, device, edit)
    return await document(context, tenant, device_id)


async def change(context: Context, device: Declared, edit: Callable[[DeviceSpec], DeviceSpec]) -> None:
    """Give the device another spec; keys that it lets go of leave its Secret. Raises Problem."""
    lost: set[str] = set()

    def noting(spec: DeviceSpec) -> DeviceSpec:
        edited = edit(spec)
        lost.update(lost_keys(spec, edited))
        return edited

    await writes.change(context, device.key, device.uid, noting, device.location)
    if lost:
        await secrets_of.forget(context, device.key, device.uid, lost)


async def delete(context: Context, tenant: Tenant, device_id: str) -> str:
    """Remove a device; answers its last document. Raises Problem."""
    device = await declared(context, tenant, device_id)
    await removing.remove(context, device.key, device.uid, device.location)
    return device.body


async def delete_all(context: Context, tenant: Tenant) -> list[str]:
    """Remove every device of the tenant; answers their last documents.

    Raises Problem, before anything is removed, when one is declared elsewhere or by no resource (409) or in
    a namespace that is not bound to the tenant (403); and as `bulk.remove`.
    """
    every = [_with_resource(one) for one in await context.reader.every_device(tenant)]
    await context.namespaces.check(tenant, {one.key.namespace for one in every})
    resources = [bulk.Resource(key=one.key, uid=one.uid, location=one.location) for one in every]
    removed = await bulk.remove(context, resources, "/device")
    return [one.body for one in every if one.key in removed]


def _with_resource(stored: StoredDevice) -> Declared:
    if stored.key is None:
        raise unclaimed("device", stored.id)
    return Declared(id=stored.id, body=stored.body, key=stored.key, uid=stored.uid)


async def _register(context: Context, namespace: str, specs: Sequence[DeviceSpec]) -> None:
    manifests = [
        device_manifest(names.device_key(namespace, spec.device_id), spec)
        for spec in specs
        if spec.device_id is not None
    ]
    location = f"/device/{specs[0].device_id}" if len(specs) == 1 else "/device"
    await writes.register(context, manifests, location)


# --- ids --------------------------------------------------------------------------------------------


async def _chosen(context: Context, tenant: Tenant, device_id: DeviceId) -> DeviceId:
    if await context.reader.taken(tenant, [device_id]):
        raise refusal(f"The device id {device_id} is already in use")
    return device_id


async def _free(context: Context, tenant: Tenant, count: int) -> list[DeviceId]:
    """That many ids that no device of the tenant has."""
    found: set[DeviceId] = set()
    while len(found) < count:
        missing = count - len(found)
        candidates = {DeviceId(secrets.token_hex(_ID_BYTES)) for _ in range(missing)}
        found |= candidates - await context.reader.taken(tenant, candidates)
    return list(found)
