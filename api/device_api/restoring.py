"""Remembers everything that a tenant has declared, so that a failed import leaves it as it was.

What an import has done is undone place by place: what stands at the places of the import and at the former
ones is looked at in the cluster, since the registry does not know yet what the operator has not got to. One
attempt goes on where the one before it ended, and what fails stops nothing else.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from device_registry.domain.errors import NotFound, RegistryError
from device_registry.domain.model import (
    Attribute,
    DeviceId,
    Key,
    Kind,
    RegisteredAttribute,
    RegisteredTemplate,
    TemplateSpec,
    Tenant,
)
from device_registry.domain.psk import Psk
from device_registry.manifests import (
    device_manifest,
    key_of,
    parse_device_spec,
    parse_template_spec,
    template_manifest,
)

from . import bulk, fitting, internal, writes
from .context import Context
from .problems import Problem, unclaimed
from .secrets_of import KeySecret

_LOG = structlog.get_logger(__name__)

Manifest = Mapping[str, Any]

_PAUSES: Final = (0.5, 1, 2, 4)
"""Seconds between attempts to undo an import: a client waits meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present(bulk.Resource):
    """One resource as it was: where, and the manifest that declares it again, with every id pinned."""

    manifest: Manifest
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
    """Delete it all, devices first. Raises Problem: 409, before anything goes, and as `bulk.remove`.

    Nothing more is deleted after a portion that was late: it would have to be declared again.
    """
    await bulk.check(context, [one.key for one in (*present.devices, *present.templates)])
    for group, location in ((present.devices, "/device"), (present.templates, "/template")):
        for portion in bulk.portions(group):
            await bulk.remove(context, portion, location)


async def restore(context: Context, tenant: Tenant, present: Snapshot, wanted: Sequence[Manifest]) -> None:
    """Declare again what was there, instead of what was wanted; what fails for good is logged.

    What others have declared meanwhile stays.
    """
    again: set[str] = set()
    for pause in _PAUSES:
        try:
            await _restore(context, present, wanted, again)
            return
        except (Problem, RegistryError) as error:
            # The operator may still be registering what the import has created and deleted again.
            _LOG.warning("undoing an import, not done yet", tenant=tenant, error=str(error))
            await asyncio.sleep(pause)
    _LOG.error("a failed import could not be undone; import again what the tenant is to have", tenant=tenant)


async def _restore(context: Context, present: Snapshot, wanted: Sequence[Manifest], again: set[str]) -> None:
    """One attempt; notes in `again` the uids of what it has declared.

    Raises the first failure: at once when a system is away, which all that follows would wait for, else at
    the end.
    """
    former = {one.key: one for one in (*present.templates, *present.devices)}
    places = dict.fromkeys([*former, *map(key_of, wanted)])
    seen = await bulk.in_portions([_look(context, key, former.get(key), again) for key in places])
    missing = {one.key for _, one in seen if one}
    ended = await _clear(context, [one for one, _ in seen if one])
    for group in (present.templates, present.devices):
        absent = [one for one in group if one.key in missing]
        ended += await bulk.settled([_declare(context, one, again) for one in absent])
    with_keys = [one for one in present.devices if one.keys]
    ended += await bulk.settled([_restore_keys(context, one, again) for one in with_keys])
    bulk.raise_first(ended)


async def _clear(context: Context, in_the_way: Sequence[bulk.Resource]) -> list[object]:
    """Delete it, devices before the templates that they use; answers how that ended."""
    ended: list[object] = []
    for kind, location in ((Kind.DEVICE, "/device"), (Kind.TEMPLATE, "/template")):
        for portion in bulk.portions([one for one in in_the_way if one.key.kind is kind]):
            ended += await bulk.settled([bulk.remove(context, portion, location)])
    return ended


async def _look(
    context: Context, key: Key, former: Present | None, again: Collection[str]
) -> tuple[bulk.Resource | None, Present | None]:
    """What stands in the way at a place, and what is missing there.

    What the import has declared is in the way, also where it is as what was there before: it is to be undone,
    and may be so later, by whoever comes by.
    """
    try:
        found = await context.cluster.get(key)
    except NotFound:
        return None, former
    here = bulk.Resource(key=key, uid=found["metadata"]["uid"], location=_location(found))
    if "deletionTimestamp" in found["metadata"]:
        return here, former
    if (former and here.uid in {former.uid, *again}) or not writes.is_ours(found):
        return None, None
    return here, former


def _location(obj: Manifest) -> str:
    """Where REST shows what was declared with its id."""
    if obj["kind"] == Kind.DEVICE:
        return f"/device/{obj['spec'].get('deviceId')}"
    return f"/template/{obj['spec'].get('templateId')}"


async def _declare(context: Context, former: Present, again: set[str]) -> None:
    """By itself: what is refused for good takes no other with it."""
    try:
        await writes.register(context, [former.manifest], former.location)
    except Problem as problem:
        if not bulk.is_late(problem):
            raise
    again.add((await context.cluster.get(former.key))["metadata"]["uid"])


async def _restore_keys(context: Context, device: Present, again: Collection[str]) -> None:
    """They went with the device; where it was not away, or is not there, there is nothing to do."""
    try:
        found = await context.cluster.get(device.key)
    except NotFound:
        return
    uid = found["metadata"]["uid"]
    if uid != device.uid and uid in again:
        await KeySecret(device=device.key, uid=uid).write(context, device.keys)


async def _template(context: Context, template: RegisteredTemplate) -> Present:
    key = fitting.resource_of(template)
    assert key is not None, "checked before"
    found = await context.cluster.get(key)
    spec = _with_pins(parse_template_spec(found.get("spec") or {}, key.name), template)
    return _present(found, template_manifest(key, spec))


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
    return replace(_present(found, manifest), keys=kept)


def _present(found: Manifest, manifest: Manifest) -> Present:
    uid = found["metadata"]["uid"]
    return Present(key=key_of(found), uid=uid, location=_location(manifest), manifest=manifest)


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
