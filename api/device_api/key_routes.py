"""Routes of keys, and of devices with their keys."""

# A parameter in the signature would be validated, and a 422 documented that never comes.
# ruff: noqa: FAST003

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from device_registry.domain.rendering import to_json

from . import devices, internal, parameters, presence, psk, schemas, views
from .documentation import DEVICE_FILTERS, DEVICE_ID, KEY_COPY, KEY_LENGTH, LABEL, described, reading, writing
from .problems import json_response, no_content
from .routing import context_of, tenant_of

router = APIRouter()


@router.post(
    "/device/gen_psk/{device_id}",
    tags=["keys"],
    responses=writing(list[schemas.Generated])
    | {204: {"description": "The device has no attribute that takes a key."}},
    openapi_extra=described(DEVICE_ID, *KEY_LENGTH),
)
async def generate_keys(request: Request) -> Response:
    """Generate keys for attributes of value type psk; each is answered once."""
    context, tenant, query = context_of(request), tenant_of(request), request.query_params
    device_id = request.path_params["device_id"]
    parameters.check_key_length_is_there(query)
    await devices.document(context, tenant, device_id)
    length, labels = parameters.key_length(query), parameters.key_labels(query)
    keys = await psk.generate(context, tenant, device_id, length, labels)
    if not keys:
        return no_content()
    return json_response(to_json([{"attribute": label, "psk": key.digits} for label, key in keys.items()]))


@router.put(
    "/device/{device_id}/attrs/{label}/psk",
    tags=["keys"],
    status_code=HTTPStatus.NO_CONTENT,
    responses=writing(None, status=204),
    openapi_extra=described(DEVICE_ID, LABEL, *KEY_COPY),
)
async def copy_key(request: Request) -> Response:
    """Give an attribute the key that another one has now; it does not follow later changes."""
    path = request.path_params
    source = parameters.key_source(request.query_params)
    target = (path["device_id"], path["label"])
    await psk.copy(context_of(request), tenant_of(request), source, target)
    return no_content()


@router.get(
    "/internal/device",
    tags=["keys"],
    responses=reading(schemas.DeviceList | list[str], missing=False),
    openapi_extra=described(*DEVICE_FILTERS),
)
async def list_devices_with_keys(request: Request) -> Response:
    """As GET /device, with the keys of the devices."""
    context, tenant, query = context_of(request), tenant_of(request), request.query_params
    page, wanted = parameters.page(query), parameters.filters(query)
    if parameters.only_ids(query):
        return json_response(f"[{await context.reader.device_ids_page(tenant, wanted, page)}]")
    found = await internal.devices_page(context, tenant, wanted, page)
    return json_response(views.devices(await presence.page_shown(context, tenant, found), page))


@router.get(
    "/internal/device/{device_id}",
    tags=["keys"],
    responses=reading(schemas.Device),
    openapi_extra=described(DEVICE_ID),
)
async def get_device_with_keys(request: Request) -> Response:
    """As GET /device/<id>, with the keys of the device."""
    context, tenant = context_of(request), tenant_of(request)
    document = await internal.device(context, tenant, request.path_params["device_id"])
    return json_response(await presence.shown(context, tenant, document))
