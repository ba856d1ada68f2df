"""Devices over REST: made and removed as resources, found in the registry."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from device_registry.domain.model import DeviceId, DeviceSpec, RegisteredTemplate, Tenant
from device_registry.domain.rules import check_device
from device_registry.manifests import device_manifest

from . import names, overrides, templates, writes
from .bodies import DeviceBody
from .context import Context
from .parameters import identifier
from .problems import Problem, no_such, refusal

_ID_BYTES = 3
"""Six hexadecimal digits, as dojot's ids have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    """A device that was just registered."""

    id: DeviceId
    label: str


async def document(context: Context, tenant: Tenant, device_id: str) -> str:
    """The document of a device. Raises Problem (404)."""
    body = None if "\0" in device_id else await context.reader.device(tenant, device_id)
    if body is None:
        raise no_such("device", device_id)
    return body


async def create(context: Context, tenant: Tenant, body: DeviceBody, count: int) -> list[NewDevice]:
    """Make so many devices, all or none. Raises Problem."""
    labels = body.labels(count)
    used = await _templates(context, tenant, body.templates)
    wanted = overrides.translate(body.overrides, used)
    ids = [await _chosen(context, tenant, body.id)] if body.id else await _free(context, tenant, count)
    namespace = await context.namespaces.of(tenant)
    places = _names(used, namespace)
    _check_conflicts(used, places, ids[0])
    specs = [
        DeviceSpec(label=label, templates=tuple(places), overrides=wanted, device_id=device_id)
        for label, device_id in zip(labels, ids, strict=True)
    ]
    await _register(context, namespace, specs)
    return [NewDevice(id=device_id, label=label) for device_id, label in zip(ids, labels, strict=True)]


async def delete(context: Context, tenant: Tenant, device_id: str) -> str:
    """Remove a device; answers its last document. Raises Problem."""
    stored = None if "\0" in device_id else await context.reader.stored_device(tenant, device_id)
    if stored is None:
        raise no_such("device", device_id)
    if stored.key is None:
        raise templates.unclaimed("device", device_id)
    await writes.remove(context, stored.key, stored.uid, f"/device/{device_id}")
    return stored.body


async def _register(context: Context, namespace: str, specs: Sequence[DeviceSpec]) -> None:
    manifests = [
        device_manifest(names.device_key(namespace, spec.device_id), spec)
        for spec in specs
        if spec.device_id is not None
    ]
    location = f"/device/{specs[0].device_id}" if len(specs) == 1 else "/device"
    await writes.register(context, manifests, location)


# --- templates of a device --------------------------------------------------------------------------


async def _templates(
    context: Context, tenant: Tenant, wanted: Sequence[int | str]
) -> list[RegisteredTemplate]:
    """The templates in the order wanted. Raises Problem (404) for the first that is not there."""
    numbers = [identifier(str(one)) for one in wanted]
    known = [number for number in numbers if number is not None]
    found = await context.reader.templates(tenant, known) if known else {}
    for one, number in zip(wanted, numbers, strict=True):
        if number not in found:
            raise no_such("template", one)
    return [found[number] for number in known]


def _names(used: Sequence[RegisteredTemplate], namespace: str) -> list[str]:
    """The resources of the templates. Raises Problem for templates that a device there cannot name."""
    places = []
    for template in used:
        key = templates.resource_of(template)
        if key is None or key.namespace != namespace:
            raise templates.unclaimed("template", template.id)
        places.append(key.name)
    return places


def _check_conflicts(used: Sequence[RegisteredTemplate], places: Sequence[str], device_id: str) -> None:
    """Refuse the first template that does not go with those before it, as the operator would."""
    for count, template in enumerate(used, start=1):
        first = dict(zip(places[:count], used, strict=False))
        if len(first) < count or _clash(first):
            raise _conflict(template, device_id)


def _clash(used: Mapping[str, RegisteredTemplate]) -> bool:
    return check_device(DeviceSpec(label="", templates=tuple(used)), used) is not None


def _conflict(template: RegisteredTemplate, device_id: str) -> Problem:
    return refusal(
        f"Template ({template.id}) cannot be added to device ({device_id})"
        " as it has standing attribute conflicts"
    )


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
