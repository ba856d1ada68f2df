"""Remembers everything that a tenant has declared, so that a failed import leaves it as it was."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from device_registry.domain.errors import RegistryError
from device_registry.domain.model import (
    Attribute,
    DeviceId,
    Key,
    RegisteredAttribute,
    RegisteredTemplate,
    TemplateSpec,
    Tenant,
)
from device_registry.domain.psk import Psk
from device_registry.manifests import (
    device_manifest,
    parse_device_spec,
    parse_template_spec,
    template_manifest,
)

from . import bulk, fitting, internal
from .context import Context
from .problems import Problem, unclaimed
from .secrets_of import KeySecret

_LOG = structlog.get_logger(__name__)

_PAUSES: Final = (0.5, 1, 2, 4)
"""Seconds between attempts to undo an import: a client waits meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """One resource as it was: where, and the manifest that declares it again, with every id pinned."""

    key: Key
    uid: str
    manifest: Mapping[str, Any]
    keys: Mapping[str, Psk] = field(default_factory=dict)
    """Keys that lie in the Secret of the device, which goes with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All resources of a tenant."""

    templates: Sequence[Present]
    devices: Sequence[Present]


async def snapshot(context: Context, tenant: Tenant) -> Snapshot:
    """What the tenant has. Raises Problem (409) when something is declared elsewhere or by no resource."""
    ids = await context.reader.every_template(tenant)
    templates = (await context.reader.templates(tenant, ids)).values()
    every = await context.reader.every_device(tenant)
    keys = await internal.keys_of(context, tenant, [one.id for one in every])
    for one in every:
        if one.key is None:
            raise unclaimed("device", one.id)
    for template in templates:
        if fitting.resource_of(template) is None:
            raise unclaimed("template", template.id)
    return Snapshot(
        templates=await bulk.in_portions([_template(context, one) for one in templates]),
        devices=await bulk.in_portions(
            [_device(context, one.key, one.id, keys.get(one.id, {})) for one in every if one.key]
        ),
    )


async def remove(context: Context, present: Snapshot) -> None:
    """Delete it all, devices first. Raises Problem: 409, before anything goes, and as `bulk.remove`."""
    await bulk.check(context, [one.key for one in (*present.devices, *present.templates)])
    for group, location in ((present.devices, "/device"), (present.templates, "/template")):
        await bulk.remove(context, [(one.key, one.uid) for one in group], location)


async def restore(context: Context, tenant: Tenant, present: Snapshot) -> None:
    """Declare again what was there, instead of what is there now; what fails for good is logged."""
    for pause in _PAUSES:
        try:
            await _restore(context, tenant, present)
            return
        except (Problem, RegistryError) as error:
            # The operator may still be registering what the import has created and deleted again.
            _LOG.warning("undoing an import, not done yet", tenant=tenant, error=str(error))
            await asyncio.sleep(pause)
    _LOG.error("a failed import could not be undone; import again what the tenant is to have", tenant=tenant)


async def _restore(context: Context, tenant: Tenant, present: Snapshot) -> None:
    now = await snapshot(context, tenant)
    kept = {one.uid for one in (*now.devices, *now.templates)}
    was = {one.uid for one in (*present.devices, *present.templates)}
    await remove(context, _without(now, was))
    gone = _without(present, kept)
    await bulk.register(context, [one.manifest for one in gone.templates], "/template")
    await bulk.register(context, [one.manifest for one in gone.devices], "/device")
    await bulk.in_portions([_restore_keys(context, one) for one in gone.devices if one.keys])


def _without(what: Snapshot, uids: Collection[str]) -> Snapshot:
    return Snapshot(
        templates=[one for one in what.templates if one.uid not in uids],
        devices=[one for one in what.devices if one.uid not in uids],
    )


async def _template(context: Context, template: RegisteredTemplate) -> Present:
    key = fitting.resource_of(template)
    assert key is not None, "checked before"
    found = await context.cluster.get(key)
    spec = _with_pins(parse_template_spec(found.get("spec") or {}, key.name), template)
    return Present(key=key, uid=found["metadata"]["uid"], manifest=template_manifest(key, spec))


async def _restore_keys(context: Context, device: Present) -> None:
    found = await context.cluster.get(device.key)
    await KeySecret(device=device.key, uid=found["metadata"]["uid"]).write(context, device.keys)


async def _device(context: Context, key: Key, device_id: DeviceId, keys: Mapping[str, Psk]) -> Present:
    found = await context.cluster.get(key)
    spec = parse_device_spec(found.get("spec") or {}, key.name)
    manifest = device_manifest(key, replace(spec, device_id=device_id))
    own = KeySecret(device=key, uid="").name
    kept = {
        one.attribute: keys[one.attribute]
        for one in spec.credentials
        if one.secret == own and one.attribute in keys
    }
    return Present(key=key, uid=found["metadata"]["uid"], manifest=manifest, keys=kept)


def _with_pins(spec: TemplateSpec, template: RegisteredTemplate) -> TemplateSpec:
    known = {one.identity: one for one in template.attributes}
    attributes = tuple(_pinned(one, known.get(one.identity)) for one in spec.attributes)
    return replace(spec, template_id=template.id, attributes=attributes)


def _pinned(attribute: Attribute, registered: RegisteredAttribute | None) -> Attribute:
    if registered is None:
        return attribute
    ids = {(one.label, one.type): one.id for one in registered.metadata}
    metadata = tuple(replace(one, id=ids.get((one.label, one.type))) for one in attribute.metadata)
    return replace(attribute, id=registered.id, metadata=metadata)
