"""What /docs and /openapi.json say about the routes: parameters, bodies, answers.

The handlers read requests themselves, so nothing of this is in their signatures. `routes` uses the pieces,
`app` installs the rest.
"""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from . import edges, request_schemas, schemas
from .parameters import MOST_AT_ONCE

_REF: Final = "#/components/schemas/{model}"

_REFUSED: Final = "The message says what is wrong, a header `X-Detail` sometimes more."
_COMMON: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": schemas.Refusal | schemas.Malformed, "description": f"The request is wrong. {_REFUSED}"},
    401: {"model": schemas.Refusal, "description": "No token, or one that names no tenant."},
    503: {
        "model": schemas.Refusal,
        "description": "A system that is needed is away; try again after `Retry-After` seconds.",
    },
}
_MISSING: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": schemas.Refusal, "description": "There is no such device or template."},
}
_WRITE: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": schemas.Refusal, "description": "Accepted, not yet registered; look at `Location` later."},
    403: {"model": schemas.Refusal, "description": "No namespace is bound to the tenant."},
    409: {"model": schemas.Refusal, "description": "Declared elsewhere; the message names where."},
}
_BODY: Final[dict[int | str, dict[str, Any]]] = {
    408: {"model": schemas.Refusal, "description": "The body came too slowly."},
    413: {"model": schemas.Refusal, "description": "The body is too large."},
}
_NOTHING: Final = {"description": "Done; the answer is empty.", "content": {"text/html": {}}}
Answers = dict[int | str, dict[str, Any]]


def reading(model: Any, *, missing: bool = True) -> Answers:
    """The answers of a route that reads; `missing` where something is named that may not be there."""
    return {200: {"model": model}, **_COMMON, **(_MISSING if missing else {})}


def writing(model: Any, *, status: int = 200, body: bool = False, missing: bool = True) -> Answers:
    """The answers of a route that changes something; `body` where it reads one."""
    success: dict[str, Any] = {"model": model} if model else {"description": "Done."}
    others = {**(_MISSING if missing else {}), **(_BODY if body else {})}
    return {status: success, **_COMMON, **_WRITE, **others}


def taking(model: Any, *, missing: bool = False) -> Answers:
    """The answers of a route that takes a body and changes no resource."""
    success: dict[str, Any] = {"model": model} if model else _NOTHING
    return {200: success, **_COMMON, **_BODY, **(_MISSING if missing else {})}


def described(*parameters: dict[str, Any], body: type[BaseModel] | None = None) -> dict[str, Any]:
    """What a route reads; what the middlewares read besides, `edges` adds."""
    extra: dict[str, Any] = {"parameters": list(parameters)}
    if body:
        schema = {"$ref": _REF.format(model=body.__name__)}
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return extra


def in_path(name: str, about: str) -> dict[str, Any]:
    """A parameter of the path."""
    return {"name": name, "in": "path", "required": True, "description": about, "schema": {"type": "string"}}


def in_query(name: str, about: str, **schema: Any) -> dict[str, Any]:
    """A parameter of the query."""
    return {"name": name, "in": "query", "description": about, "schema": schema or {"type": "string"}}


DEVICE_ID: Final = in_path("device_id", "Id of the device; case counts.")
TEMPLATE_ID: Final = in_path("template_id", "Number of the template.")
LABEL: Final = in_path("label", "Label of the attribute.")
KEY_LENGTH: Final = (
    in_query("key_length", "Bytes of each key.", type="integer", minimum=1, maximum=1024)
    | {"required": True},
    in_query("attrs", "Labels separated by commas; left out: every attribute of value type psk."),
)
KEY_COPY: Final = (
    in_query("from_dev_id", "Id of the device to copy from.") | {"required": True},
    in_query("from_attr_label", "Label of the attribute to copy from.") | {"required": True},
)
ATTR_FORMAT: Final = in_query(
    "attr_format",
    "Which lists of attributes to show.",
    type="string",
    enum=["both", "split", "single"],
    default="both",
)
PAGE: Final = (
    in_query("page_size", "Entries on a page.", type="integer", minimum=1, default=20),
    in_query("page_num", "Which page.", type="integer", minimum=1, default=1),
)
FILTERS: Final = (
    *PAGE,
    in_query("label", "A part of the label; case counts."),
    in_query("attr", "label=value of an attribute; all must hold.", type="array", items={"type": "string"}),
    in_query(
        "attr_type", "Value type of some attribute; all must hold.", type="array", items={"type": "string"}
    ),
    in_query(
        "sortBy",
        "id, label, created or updated, with asc: or desc: before it; anything else means by id.",
        type="string",
        pattern="^((asc|desc):)?(id|label|created|updated)$",
    ),
)
DEVICE_FILTERS: Final = (
    *FILTERS,
    in_query("template", "Number of a template that the device uses.", type="integer"),
    in_query("idsOnly", "true, 1 or nothing: a bare list of ids.", type="string"),
)
IN_USE: Final = in_query("verbose", "true or 1: a refusal names the devices that use a template.")
CREATION: Final = (
    in_query(
        "count",
        "How many; labels are numbered when more than one.",
        type="integer",
        minimum=1,
        maximum=MOST_AT_ONCE,
        default=1,
    ),
    in_query("verbose", "true or 1: show the whole device.", type="string"),
)


def install(app: FastAPI) -> None:
    """Make the application document the bodies that it reads, and the token that it wants."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    # The way that FastAPI documents.
    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    _, definitions = models_json_schema(request_schemas.REQUESTS, ref_template=_REF)
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(definitions["$defs"])
    components["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A JWT; its claim `service` is the tenant.",
        }
    }
    document["security"] = [{"token": []}]
    edges.describe(document)
    return document
