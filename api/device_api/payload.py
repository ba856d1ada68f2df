"""Reads a request's body as strict JSON (RFC 8259, UTF-8), also where Python's parser would take more."""

import asyncio
import json
from http import HTTPStatus
from math import isfinite
from typing import Any, Final, NoReturn

from starlette.requests import ClientDisconnect, Request

from .problems import Problem, refusal

_BODY_SECONDS: Final = 30.0
"""A body must come within that time: who sends a byte now and then does not hold a connection for ever."""
_MIB: Final = 1024 * 1024

LIMIT: Final = "device_api.body_limit"
"""Where the scope of a request holds BODY_LIMIT_MIB."""
_USUAL_MIB: Final = 10.0
"""An import of ten thousand devices; a device or a template needs a hundredth."""


async def read_json(request: Request, *, any_type: bool = False) -> Any:
    """The body as a value; with `any_type` whatever its media type says it is.

    Raises Problem: 400 when it is not JSON, 413 when it is too large.
    """
    content_type, _, _ = request.headers.get("content-type", "").partition(";")
    body = await read_body(request)
    if not any_type and content_type.strip().lower() != "application/json":
        raise _not_json()
    try:
        return json.loads(body.decode(), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise _not_json() from error


async def read_body(request: Request) -> bytes:
    """The bytes of the body, given up as soon as they are too many or too slow. Raises Problem (413, 408)."""
    most = request.scope.get(LIMIT, _USUAL_MIB)
    if _announced(request) > most * _MIB:
        raise _too_large(most)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > most * _MIB:
                    raise _too_large(most)
                chunks.append(chunk)
    except TimeoutError:
        raise refusal("The payload did not come in time", HTTPStatus.REQUEST_TIMEOUT) from None
    except ClientDisconnect:
        raise refusal("The payload did not come whole", HTTPStatus.BAD_REQUEST) from None
    return b"".join(chunks)


def _announced(request: Request) -> int:
    """The size that the client names; 0 when it names none."""
    named = request.headers.get("content-length", "")
    return int(named) if named.isascii() and named.isdecimal() else 0


def _too_large(most: float) -> Problem:
    message = f"Payload must not be larger than {most:g} MiB (BODY_LIMIT_MIB)"
    return refusal(message, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _finite(number: str) -> float:
    """A number that can be passed on: 1e999 would become Infinity, which is not JSON."""
    value = float(number)
    return value if isfinite(value) else _refuse(number)


def _refuse(constant: str) -> NoReturn:
    """NaN and Infinity, which Python's parser would take."""
    raise ValueError(f"{constant} is not JSON")


def _not_json() -> Problem:
    return refusal("Payload must be valid JSON, and Content-Type set accordingly")
