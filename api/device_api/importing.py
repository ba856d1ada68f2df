"""POST /import: a tenant gets other templates and devices instead of all that it has.

Everything is checked before anything changes: the body as a whole, and that all that is there may be removed.
Then devices and templates go, and the new ones come, each told to Kafka. Should the cluster refuse something
half-way, what was there is declared again, with its ids and keys; that Kafka is away undoes nothing. Two
imports of a tenant follow one another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import structlog

from device_registry.domain.errors import Contended, RegistryError
from device_registry.domain.model import DeviceSpec, RegisteredTemplate, TemplateSpec, Tenant
from device_registry.domain.outcome import Outcome
from device_registry.domain.rules import check_device
from device_registry.manifests import device_manifest, template_manifest

from . import bulk, names, overrides, publication, restoring
from .context import Context
from .import_bodies import ImportBody, ImportedDevice, failed, violated
from .parameters import identifier
from .problems import Problem, refusal

_LOG = structlog.get_logger(__name__)

_Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be declared."""

    templates: Sequence[_Manifest]
    devices: Sequence[_Manifest]


async def replace_all(context: Context, tenant: Tenant, body: ImportBody) -> None:
    """Make the tenant have what the body says and nothing else.

    Raises Problem: 202 when all is done and Kafka has not acknowledged it in time; else nothing has changed.
    """
    wanted = plan(tenant, body, await context.namespaces.of(tenant))
    try:
        async with context.turns.take(tenant, context.settings.REST_WAIT_SECONDS):
            awaited = await _replace(context, tenant, wanted)
    except Contended as error:
        message = "another import of this tenant is still at work; import again when it has ended"
        raise refusal(message, HTTPStatus.SERVICE_UNAVAILABLE) from error
    await publication.wait(context, awaited, "/device")


async def _replace(context: Context, tenant: Tenant, wanted: Plan) -> publication.Awaited:
    """Put it in the place of what is there; answers the events that tell of it."""
    present = await restoring.snapshot(context, tenant)
    places = {one.key.namespace for one in (*present.templates, *present.devices)}
    await context.namespaces.check(tenant, places)
    with publication.later():
        try:
            await restoring.remove(context, present)
            outcomes = await _create(context, wanted)
        except (Problem, RegistryError) as error:
            told = {"tenant": tenant, "error": str(error)}
            _LOG.warning("an import failed half-way, restoring what was there", **told)
            await restoring.restore(context, tenant, present, [*wanted.templates, *wanted.devices])
            raise _undone(error) from error
    return {**bulk.of_removed(present.devices), **publication.of(outcomes)}


def plan(tenant: Tenant, body: ImportBody, namespace: str) -> Plan:
    """The resources that stand for an import. Raises Problem (400) when its parts do not go together."""
    now = datetime.now(UTC)
    known = {one.id: one.registered(tenant, now) for one in body.templates}
    return Plan(
        templates=list(_templates(body, namespace)),
        devices=[_device(one, known, namespace) for one in body.devices],
    )


def _templates(body: ImportBody, namespace: str) -> Iterator[_Manifest]:
    for one in body.templates:
        spec = TemplateSpec(label=one.label, attributes=one.attributes, template_id=one.id)
        yield template_manifest(names.template_key(namespace, one.id), spec)


def _device(device: ImportedDevice, known: Mapping[int, RegisteredTemplate], namespace: str) -> _Manifest:
    used = [_known(one, known, device) for one in device.body.templates]
    spec = DeviceSpec(
        label=device.body.label,
        templates=tuple(names.template_key(namespace, one.id).name for one in used),
        overrides=_overrides(device, used),
        device_id=device.id,
    )
    _check(device, spec, used)
    return device_manifest(names.device_key(namespace, device.id), spec)


def _known(
    wanted: int | str, known: Mapping[int, RegisteredTemplate], device: ImportedDevice
) -> RegisteredTemplate:
    found = known.get(identifier(str(wanted)) or 0)
    if found is None:
        raise failed(f"device {device.id} uses the template {wanted}, which is not in the import")
    return found


def _overrides(device: ImportedDevice, used: Sequence[RegisteredTemplate]) -> Any:
    try:
        return overrides.translate(device.body.overrides, used)
    except Problem as problem:
        raise failed(f"device {device.id}: {problem}") from problem


def _check(device: ImportedDevice, spec: DeviceSpec, used: Sequence[RegisteredTemplate]) -> None:
    by_name = dict(zip(spec.templates, used, strict=True))
    violation = check_device(spec, by_name)
    if violation or len(by_name) < len(used):
        why = violation.message if violation else "it names a template twice"
        raise violated(f"device {device.id}: {why}")


async def _create(context: Context, wanted: Plan) -> list[Outcome]:
    templates = await bulk.register(context, wanted.templates, "/template")
    return templates + await bulk.register(context, wanted.devices, "/device")


def _undone(error: Problem | RegistryError) -> Problem | RegistryError:
    """The operator or the cluster is away: the client may come back. Everything else is told as it is."""
    if bulk.is_late(error):
        message = "the operator did not follow in time; import again later"
        return refusal(message, HTTPStatus.SERVICE_UNAVAILABLE)
    return error
