"""Reads a request's body as strict JSON (RFC 8259, UTF-8), also where Python's parser would take more."""

import json
from http import HTTPStatus
from typing import Any, NoReturn

from starlette.requests import Request

from .problems import Problem, refusal

MOST_BYTES = 10 * 1024 * 1024
"""Largest body: an import of ten thousand devices; a device or a template needs a hundredth."""


async def read_json(request: Request, *, any_type: bool = False) -> Any:
    """The body as a value; with `any_type` whatever its media type says it is.

    Raises Problem: 400 when it is not JSON, 413 when it is too large.
    """
    content_type, _, _ = request.headers.get("content-type", "").partition(";")
    body = await read_body(request)
    if not any_type and content_type.strip().lower() != "application/json":
        raise _not_json()
    try:
        return json.loads(body.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _not_json() from error


async def read_body(request: Request) -> bytes:
    """The bytes of the body, given up as soon as they are too many. Raises Problem (413)."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BYTES:
            raise refusal(
                f"Payload must not be larger than {MOST_BYTES} bytes", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            )
        chunks.append(chunk)
    return b"".join(chunks)


def _refuse(constant: str) -> NoReturn:
    """NaN and Infinity, which Python's parser would take."""
    raise ValueError(f"{constant} is not JSON")


def _not_json() -> Problem:
    return refusal("Payload must be valid JSON, and Content-Type set accordingly")
