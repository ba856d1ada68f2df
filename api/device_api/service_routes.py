"""Routes of a whole tenant, and of the process."""

# A parameter in the signature would be validated, and a 422 documented that never comes.

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from device_registry.domain.rendering import to_json

from . import import_bodies, importing, levels, request_schemas, schemas
from .documentation import described, reading, taking, writing
from .payload import read_json
from .problems import Problem, json_response
from .routing import context_of, tenant_of

router = APIRouter()


@router.post(
    "/import",
    tags=["tenant"],
    status_code=HTTPStatus.CREATED,
    responses=writing(schemas.Imported, status=201, body=True),
    openapi_extra=described(body=request_schemas.ImportBody),
)
async def import_everything(request: Request) -> Response:
    """Replace every template and every device of the tenant, keeping the ids that are given."""
    try:
        payload = await read_json(request)
    except Problem as problem:
        raise import_bodies.failed(str(problem.body["message"])) from problem
    body = import_bodies.import_body(payload)
    await importing.replace_all(context_of(request), tenant_of(request), body)
    return json_response(to_json({"message": "data imported!"}), HTTPStatus.CREATED)


@router.get("/log", tags=["process"], responses=reading(schemas.Level, missing=False))
async def get_log_level(_: Request) -> Response:
    """From which level this process logs."""
    return json_response(levels.current())


@router.put(
    "/log",
    tags=["process"],
    response_class=Response,
    responses=taking(None),
    openapi_extra=described(body=request_schemas.LevelBody),
)
async def set_log_level(request: Request) -> Response:
    """Log from another level upwards; of this process only, until it ends."""
    levels.change(await read_json(request))
    return Response(media_type="text/html")
