"""All routes of the facade. Each reads the request, calls one function and writes the answer.

Handlers take nothing but the request and give a finished response: FastAPI then validates nothing on the way,
which is what makes reads fast. What they read and answer is told in `documentation` and `schemas`.
"""

# A parameter in the signature would be validated, and a 422 documented that never comes.
# ruff: noqa: FAST003

from typing import cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from device_registry.domain.model import Tenant
from device_registry.domain.rendering import to_json
from device_registry.registry.filters import Filters

from . import (
    actuation,
    attachments,
    bodies,
    devices,
    levels,
    parameters,
    schemas,
    template_bodies,
    templates,
    views,
)
from .context import Context
from .documentation import (
    ATTR_FORMAT,
    CREATION,
    DEVICE_FILTERS,
    DEVICE_ID,
    FILTERS,
    PAGE,
    TEMPLATE_ID,
    answers,
    described,
)
from .payload import read_json
from .problems import json_response

router = APIRouter()


@router.get(
    "/template",
    tags=["template"],
    responses=answers(schemas.TemplateList),
    openapi_extra=described(*FILTERS, ATTR_FORMAT),
)
async def list_templates(request: Request) -> Response:
    """A page of the tenant's templates."""
    context, tenant, query = _context(request), _tenant(request), request.query_params
    page, wanted = parameters.page(query), parameters.filters(query)
    found = await context.reader.templates_page(tenant, wanted, page)
    return json_response(views.templates(found, page, parameters.attribute_format(query)))


@router.post(
    "/template",
    tags=["template"],
    responses=answers(schemas.TemplateCreated, write=True),
    openapi_extra=described(ATTR_FORMAT, body=schemas.TemplateBody),
)
async def create_template(request: Request) -> Response:
    """Register a template."""
    body = template_bodies.template_body(await read_json(request))
    template = await templates.create(_context(request), _tenant(request), body)
    return json_response(views.created_template(template, parameters.attribute_format(request.query_params)))


@router.delete(
    "/template",
    tags=["template"],
    responses=answers(schemas.TemplatesRemoved, write=True),
)
async def delete_templates(request: Request) -> Response:
    """Remove every template, or none if a device uses one."""
    removed = await templates.delete_all(_context(request), _tenant(request))
    return json_response(views.removed_templates(removed))


@router.get(
    "/template/{template_id}",
    tags=["template"],
    responses=answers(schemas.Template),
    openapi_extra=described(TEMPLATE_ID, ATTR_FORMAT),
)
async def get_template(request: Request) -> Response:
    """One template."""
    template = await templates.find(_context(request), _tenant(request), request.path_params["template_id"])
    return json_response(views.template(template, parameters.attribute_format(request.query_params)))


@router.put(
    "/template/{template_id}",
    tags=["template"],
    responses=answers(schemas.TemplateUpdated, write=True),
    openapi_extra=described(TEMPLATE_ID, body=schemas.TemplateBody),
)
async def update_template(request: Request) -> Response:
    """Replace a template; its devices follow."""
    context, tenant = _context(request), _tenant(request)
    before = await templates.find(context, tenant, request.path_params["template_id"])
    body = template_bodies.template_body(await read_json(request))
    return json_response(views.updated_template(await templates.update(context, tenant, before, body)))


@router.delete(
    "/template/{template_id}",
    tags=["template"],
    responses=answers(schemas.TemplateRemoved, write=True),
    openapi_extra=described(TEMPLATE_ID),
)
async def delete_template(request: Request) -> Response:
    """Remove a template that no device uses."""
    template_id = request.path_params["template_id"]
    removed = await templates.delete(_context(request), _tenant(request), template_id)
    return json_response(views.removed_template(removed))


@router.get(
    "/device",
    tags=["device"],
    responses=answers(schemas.DeviceList | list[str]),
    openapi_extra=described(*DEVICE_FILTERS),
)
async def list_devices(request: Request) -> Response:
    """A page of the tenant's devices, or of their ids."""
    context, tenant, query = _context(request), _tenant(request), request.query_params
    page, wanted = parameters.page(query), parameters.filters(query)
    if parameters.only_ids(query):
        return json_response(f"[{await context.reader.device_ids_page(tenant, wanted, page)}]")
    return json_response(views.devices(await context.reader.devices_page(tenant, wanted, page), page))


@router.post(
    "/device",
    tags=["device"],
    responses=answers(schemas.DevicesCreated, write=True),
    openapi_extra=described(*CREATION, body=schemas.DeviceBody),
)
async def create_devices(request: Request) -> Response:
    """Register one device or several alike, all or none."""
    count, verbose = parameters.count_and_verbose(request.query_params)
    body = bodies.new_device(await read_json(request), with_id=count == 1)
    context, tenant = _context(request), _tenant(request)
    created = await devices.create(context, tenant, body, count)
    if not verbose:
        return json_response(views.created_devices(created))
    return json_response(views.created_device(await devices.document(context, tenant, created[0].id)))


@router.delete(
    "/device",
    tags=["device"],
    responses=answers(schemas.DevicesRemoved, write=True),
)
async def delete_devices(request: Request) -> Response:
    """Remove every device; templates stay."""
    removed = await devices.delete_all(_context(request), _tenant(request))
    return json_response(views.removed_devices(removed))


@router.get(
    "/device/template/{template_id}",
    tags=["device"],
    responses=answers(schemas.DeviceList),
    openapi_extra=described(TEMPLATE_ID, *PAGE),
)
async def list_devices_of_template(request: Request) -> Response:
    """A page of the devices that use a template."""
    page = parameters.page(request.query_params)
    wanted = Filters(template=parameters.template_number(request.path_params["template_id"]))
    found = await _context(request).reader.devices_page(_tenant(request), wanted, page)
    return json_response(views.devices(found, page))


@router.get(
    "/device/{device_id}",
    tags=["device"],
    responses=answers(schemas.Device),
    openapi_extra=described(DEVICE_ID),
)
async def get_device(request: Request) -> Response:
    """One device."""
    device_id = request.path_params["device_id"]
    return json_response(await devices.document(_context(request), _tenant(request), device_id))


@router.put(
    "/device/{device_id}",
    tags=["device"],
    responses=answers(schemas.DeviceUpdated, write=True),
    openapi_extra=described(DEVICE_ID, body=schemas.DeviceBody),
)
async def update_device(request: Request) -> Response:
    """Replace a device: overrides that are not sent again are gone, its keys stay."""
    body = bodies.changed_device(await read_json(request))
    device_id = request.path_params["device_id"]
    return json_response(
        views.updated_device(await devices.update(_context(request), _tenant(request), device_id, body))
    )


@router.delete(
    "/device/{device_id}",
    tags=["device"],
    responses=answers(schemas.DeviceRemoved, write=True),
    openapi_extra=described(DEVICE_ID),
)
async def delete_device(request: Request) -> Response:
    """Remove a device."""
    removed = await devices.delete(_context(request), _tenant(request), request.path_params["device_id"])
    return json_response(views.removed_device(removed))


@router.put(
    "/device/{device_id}/actuate",
    tags=["device"],
    responses=answers(schemas.Actuated) | {403: {"model": schemas.NotConfigurable}},
    openapi_extra=described(DEVICE_ID, body=schemas.ActuationBody),
)
async def actuate(request: Request) -> Response:
    """Send values to actuators of a device."""
    context, tenant, device_id = _context(request), _tenant(request), request.path_params["device_id"]
    document = await devices.document(context, tenant, device_id)
    values = actuation.checked(await read_json(request, any_type=True), document)
    await actuation.send(context, tenant, device_id, values)
    # The blank is the contract's.
    return json_response(to_json({" status": "configuration sent to device"}))


@router.post(
    "/device/{device_id}/template/{template_id}",
    tags=["device"],
    responses=answers(schemas.DeviceUpdated, write=True),
    openapi_extra=described(DEVICE_ID, TEMPLATE_ID),
)
async def attach_template(request: Request) -> Response:
    """Add a template to a device; one that it has already changes nothing."""
    context, tenant, path = _context(request), _tenant(request), request.path_params
    changed = await attachments.attach(context, tenant, path["device_id"], path["template_id"])
    return json_response(views.updated_device(changed))


@router.delete(
    "/device/{device_id}/template/{template_id}",
    tags=["device"],
    responses=answers(schemas.DeviceUpdated, write=True),
    openapi_extra=described(DEVICE_ID, TEMPLATE_ID),
)
async def detach_template(request: Request) -> Response:
    """Take a template from a device, with the overrides and the keys of its attributes."""
    context, tenant, path = _context(request), _tenant(request), request.path_params
    changed = await attachments.detach(context, tenant, path["device_id"], path["template_id"])
    return json_response(views.updated_device(changed))


@router.get("/log", tags=["process"], responses=answers(schemas.Level))
async def get_log_level(_: Request) -> Response:
    """From which level this process logs."""
    return json_response(levels.current())


@router.put(
    "/log",
    tags=["process"],
    responses=answers(None),
    openapi_extra=described(body=schemas.LevelBody),
)
async def set_log_level(request: Request) -> Response:
    """Log from another level upwards; of this process only, until it ends."""
    levels.change(await read_json(request))
    return Response(media_type="text/html")


def _context(request: Request) -> Context:
    return cast("Context", request.app.state.context)


def _tenant(request: Request) -> Tenant:
    return cast("Tenant", request.scope["tenant"])
