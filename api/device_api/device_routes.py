"""Routes of devices. Each reads the request, calls one function and writes the answer."""

# A parameter in the signature would be validated, and a 422 documented that never comes.
# ruff: noqa: FAST003

from fastapi import APIRouter, Request
from starlette.responses import Response

from device_registry.domain.rendering import to_json
from device_registry.registry.filters import Filters

from . import (
    actuation,
    attachments,
    batches,
    bodies,
    devices,
    parameters,
    presence,
    request_schemas,
    schemas,
    views,
)
from .documentation import (
    CREATION,
    DEVICE_FILTERS,
    DEVICE_ID,
    PAGE,
    TEMPLATE_ID,
    described,
    reading,
    taking,
    writing,
)
from .payload import read_json
from .problems import json_response
from .routing import context_of, tenant_of

router = APIRouter()


@router.get(
    "/device",
    tags=["device"],
    responses=reading(schemas.DeviceList | list[str], missing=False),
    openapi_extra=described(*DEVICE_FILTERS),
)
async def list_devices(request: Request) -> Response:
    """A page of the tenant's devices, or of their ids."""
    context, tenant, query = context_of(request), tenant_of(request), request.query_params
    page, wanted = parameters.page(query), parameters.filters(query)
    if parameters.only_ids(query):
        return json_response(f"[{await context.reader.device_ids_page(tenant, wanted, page)}]")
    found = await context.reader.devices_page(tenant, wanted, page)
    return json_response(views.devices(await presence.page_shown(context, tenant, found), page))


@router.post(
    "/device",
    tags=["device"],
    responses=writing(schemas.DevicesCreated, body=True),
    openapi_extra=described(*CREATION, body=request_schemas.DeviceBody),
)
async def create_devices(request: Request) -> Response:
    """Register one device or several alike, all or none."""
    count, verbose = parameters.count_and_verbose(request.query_params)
    body = bodies.new_device(await read_json(request), with_id=count == 1)
    context, tenant = context_of(request), tenant_of(request)
    created = await devices.create(context, tenant, body, count)
    if not verbose:
        return json_response(views.created_devices(created))
    return json_response(views.created_device(await devices.document(context, tenant, created[0].id)))


@router.post(
    "/device/batch",
    tags=["device"],
    responses=writing(schemas.Batch, body=True)
    | {
        202: {"model": schemas.BatchAccepted, "description": "Not all is registered, or acknowledged, yet."},
        422: {"model": schemas.Refusal, "description": "The templates are not there or do not fit."},
    },
    openapi_extra=described(body=request_schemas.BatchBody),
)
async def create_batch(request: Request) -> Response:
    """Register many devices, each with an outcome of its own."""
    result = await batches.create(context_of(request), tenant_of(request), await read_json(request))
    response = json_response(views.batch(result))
    if result.late is not None:
        response.status_code = result.late.status
        response.headers.update(result.late.headers)
    return response


@router.delete(
    "/device",
    tags=["device"],
    responses=writing(schemas.DevicesRemoved),
    openapi_extra=described(),
)
async def delete_devices(request: Request) -> Response:
    """Remove every device; templates stay."""
    removed = await devices.delete_all(context_of(request), tenant_of(request))
    return json_response(views.removed_devices(removed))


@router.get(
    "/device/template/{template_id}",
    tags=["device"],
    responses=reading(schemas.DeviceList, missing=False),
    openapi_extra=described(TEMPLATE_ID, *PAGE),
)
async def list_devices_of_template(request: Request) -> Response:
    """A page of the devices that use a template."""
    page = parameters.page(request.query_params)
    wanted = Filters(template=parameters.template_number(request.path_params["template_id"]))
    context, tenant = context_of(request), tenant_of(request)
    found = await context.reader.devices_page(tenant, wanted, page)
    return json_response(views.devices(await presence.page_shown(context, tenant, found), page))


@router.get(
    "/device/{device_id}",
    tags=["device"],
    responses=reading(schemas.Device),
    openapi_extra=described(DEVICE_ID),
)
async def get_device(request: Request) -> Response:
    """One device."""
    context, tenant = context_of(request), tenant_of(request)
    document = await devices.document(context, tenant, request.path_params["device_id"])
    return json_response(await presence.shown(context, tenant, document))


@router.put(
    "/device/{device_id}",
    tags=["device"],
    responses=writing(schemas.DeviceUpdated, body=True),
    openapi_extra=described(DEVICE_ID, body=request_schemas.ChangedDeviceBody),
)
async def update_device(request: Request) -> Response:
    """Replace a device: overrides that are not sent again are gone, its keys stay."""
    body = bodies.changed_device(await read_json(request))
    device_id = request.path_params["device_id"]
    return json_response(
        views.updated_device(await devices.update(context_of(request), tenant_of(request), device_id, body))
    )


@router.delete(
    "/device/{device_id}",
    tags=["device"],
    responses=writing(schemas.DeviceRemoved),
    openapi_extra=described(DEVICE_ID),
)
async def delete_device(request: Request) -> Response:
    """Remove a device."""
    removed = await devices.delete(context_of(request), tenant_of(request), request.path_params["device_id"])
    return json_response(views.removed_device(removed))


@router.put(
    "/device/{device_id}/actuate",
    tags=["device"],
    responses=taking(schemas.Actuated, missing=True)
    | {403: {"model": schemas.NotConfigurable, "description": "Not all of them are actuators."}},
    openapi_extra=described(DEVICE_ID, body=request_schemas.ActuationBody),
)
async def actuate(request: Request) -> Response:
    """Send values to actuators of a device."""
    context, tenant, device_id = context_of(request), tenant_of(request), request.path_params["device_id"]
    document = await devices.document(context, tenant, device_id)
    values = actuation.checked(await read_json(request, any_type=True), document)
    await actuation.send(context, tenant, device_id, values)
    # The blank is the contract's.
    return json_response(to_json({" status": "configuration sent to device"}))


@router.post(
    "/device/{device_id}/template/{template_id}",
    tags=["device"],
    responses=writing(schemas.DeviceUpdated),
    openapi_extra=described(DEVICE_ID, TEMPLATE_ID),
)
async def attach_template(request: Request) -> Response:
    """Add a template to a device; one that it has already changes nothing."""
    context, tenant, path = context_of(request), tenant_of(request), request.path_params
    changed = await attachments.attach(context, tenant, path["device_id"], path["template_id"])
    return json_response(views.updated_device(changed))


@router.delete(
    "/device/{device_id}/template/{template_id}",
    tags=["device"],
    responses=writing(schemas.DeviceUpdated),
    openapi_extra=described(DEVICE_ID, TEMPLATE_ID),
)
async def detach_template(request: Request) -> Response:
    """Take a template from a device, with the overrides and the keys of its attributes."""
    context, tenant, path = context_of(request), tenant_of(request), request.path_params
    changed = await attachments.detach(context, tenant, path["device_id"], path["template_id"])
    return json_response(views.updated_device(changed))
