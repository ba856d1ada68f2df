"""One template more or less on a device: POST and DELETE /device/<id>/template/<id>."""

from dataclasses import replace
from http import HTTPStatus

from device_registry.domain.model import DeviceSpec, RegisteredTemplate, Tenant

from . import devices, fitting, templates
from .announcing import token
from .context import Context
from .keeping import with_templates, without_overrides_of
from .parameters import identifier
from .problems import Problem, refusal, unclaimed


async def attach(context: Context, tenant: Tenant, device_id: str, template_id: str) -> str:
    """Add a template at the end; one that is there already changes nothing. Answers the document.

    Raises Problem: 404, 400 when it does not go with the other templates of the device, and as
    `writes.change`.
    """
    device = await devices.declared(context, tenant, device_id)
    wanted = await templates.find(context, tenant, template_id)
    present = fitting.template_ids(device.body)
    if wanted.id in present:
        return device.body
    used = await fitting.find_all(context, tenant, [*present, wanted.id])
    places = fitting.names_in(device.key.namespace, used, device_id)

    def edit(spec: DeviceSpec) -> DeviceSpec:
        if places[-1] in spec.templates:
            return spec
        return replace(spec, templates=(*spec.templates, places[-1]), announce=token())

    await devices.change(context, device, edit)
    return await devices.document(context, tenant, device_id)


async def detach(context: Context, tenant: Tenant, device_id: str, template_id: str) -> str:
    """Take a template away, with the overrides and the keys of its attributes. Answers the document.

    Raises Problem: 404 when there is no such device or it does not use the template, 409 when no resource
    ever declared the template, and as `writes.change`.
    """
    device = await devices.declared(context, tenant, device_id)
    number = identifier(template_id)
    present = fitting.template_ids(device.body)
    if number not in present:
        raise _not_associated(device_id, template_id)
    found = await fitting.find_all(context, tenant, present)
    leaving = next(one for one in found if one.id == number)
    name = _name_in_devices(leaving)

    def edit(spec: DeviceSpec) -> DeviceSpec:
        return _without(spec, name, leaving, [one for one in found if one.id != number])

    await devices.change(context, device, edit)
    return await devices.document(context, tenant, device_id)


def _name_in_devices(template: RegisteredTemplate) -> str:
    """How devices name the template, also when its resource is gone. Raises Problem (409): it had none."""
    if template.claim is None:
        raise unclaimed("template", template.id)
    return template.claim.name


def _without(
    spec: DeviceSpec, name: str, leaving: RegisteredTemplate, others: list[RegisteredTemplate]
) -> DeviceSpec:
    gone = {one.identity for one in leaving.attributes}
    kept = [one for one in spec.templates if one != name]
    if len(kept) == len(spec.templates):
        return spec
    return with_templates(without_overrides_of(replace(spec, announce=token()), gone), kept, others)


def _not_associated(device_id: str, template_id: str) -> Problem:
    return refusal(f"Device {device_id} is not associated with template {template_id}", HTTPStatus.NOT_FOUND)
