"""Routes of templates. Each reads the request, calls one function and writes the answer."""

# A parameter in the signature would be validated, and a 422 documented that never comes.
# ruff: noqa: FAST003

from fastapi import APIRouter, Request
from starlette.responses import Response

from . import parameters, request_schemas, schemas, template_bodies, templates, views
from .documentation import ATTR_FORMAT, FILTERS, IN_USE, TEMPLATE_ID, described, reading, writing
from .payload import read_json
from .problems import json_response
from .routing import context_of, tenant_of

router = APIRouter()


@router.get(
    "/template",
    tags=["template"],
    responses=reading(schemas.TemplateList, missing=False),
    openapi_extra=described(*FILTERS, ATTR_FORMAT),
)
async def list_templates(request: Request) -> Response:
    """A page of the tenant's templates."""
    context, tenant, query = context_of(request), tenant_of(request), request.query_params
    page, wanted = parameters.page(query), parameters.filters(query)
    found = await context.reader.templates_page(tenant, wanted, page)
    return json_response(views.templates(found, page, parameters.attribute_format(query)))


@router.post(
    "/template",
    tags=["template"],
    responses=writing(schemas.TemplateCreated, body=True),
    openapi_extra=described(ATTR_FORMAT, body=request_schemas.TemplateBody),
)
async def create_template(request: Request) -> Response:
    """Register a template."""
    body = template_bodies.template_body(await read_json(request))
    template = await templates.create(context_of(request), tenant_of(request), body)
    return json_response(views.created_template(template, parameters.attribute_format(request.query_params)))


@router.delete(
    "/template",
    tags=["template"],
    responses=writing(schemas.TemplatesRemoved),
    openapi_extra=described(IN_USE),
)
async def delete_templates(request: Request) -> Response:
    """Remove every template, or none if a device uses one."""
    verbose = parameters.verbose(request.query_params)
    removed = await templates.delete_all(context_of(request), tenant_of(request), verbose=verbose)
    return json_response(views.removed_templates(removed))


@router.get(
    "/template/{template_id}",
    tags=["template"],
    responses=reading(schemas.Template),
    openapi_extra=described(TEMPLATE_ID, ATTR_FORMAT),
)
async def get_template(request: Request) -> Response:
    """One template."""
    template = await templates.find(
        context_of(request), tenant_of(request), request.path_params["template_id"]
    )
    return json_response(views.template(template, parameters.attribute_format(request.query_params)))


@router.put(
    "/template/{template_id}",
    tags=["template"],
    responses=writing(schemas.TemplateUpdated, body=True),
    openapi_extra=described(TEMPLATE_ID, body=request_schemas.TemplateBody),
)
async def update_template(request: Request) -> Response:
    """Replace a template; its devices follow."""
    context, tenant = context_of(request), tenant_of(request)
    before = await templates.find(context, tenant, request.path_params["template_id"])
    body = template_bodies.template_body(await read_json(request))
    return json_response(views.updated_template(await templates.update(context, tenant, before, body)))


@router.delete(
    "/template/{template_id}",
    tags=["template"],
    responses=writing(schemas.TemplateRemoved),
    openapi_extra=described(TEMPLATE_ID, IN_USE),
)
async def delete_template(request: Request) -> Response:
    """Remove a template that no device uses."""
    template_id, verbose = request.path_params["template_id"], parameters.verbose(request.query_params)
    removed = await templates.delete(context_of(request), tenant_of(request), template_id, verbose=verbose)
    return json_response(views.removed_template(removed))
