"""Every error as an answer, in one of the four shapes of the contract (REST: refusals).

`{"message", "status"}` for what is wrong with a request, `{"errors", "message"}` for bodies that do not have
their shape, `{"msg"}` for unknown paths and for bugs, and an HTML page for methods that a path does not know.
Rules raise `Problem`; errors of the core are mapped here.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from device_registry.domain.errors import (
    Conflict,
    Forbidden,
    NotFound,
    Refused,
    RegistryError,
    Rejected,
    Unavailable,
)
from device_registry.domain.reasons import Reason
from device_registry.domain.rendering import to_json

_LOG = structlog.get_logger(__name__)

RETRY_SECONDS = 5
"""When to come back after a 503: about what Postgres or an API server needs to start again."""

_STATUSES: Mapping[type[RegistryError], HTTPStatus] = {
    Refused: HTTPStatus.BAD_REQUEST,
    Rejected: HTTPStatus.BAD_REQUEST,
    Conflict: HTTPStatus.CONFLICT,
    NotFound: HTTPStatus.NOT_FOUND,
    Forbidden: HTTPStatus.FORBIDDEN,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

_NO_SUCH_METHOD = """<!doctype html>
<html lang=en>
<title>405 Method Not Allowed</title>
<h1>Method Not Allowed</h1>
<p>The method is not allowed for the requested URL.</p>
"""


class Problem(Exception):
    """A request that is not answered with what was asked for: status, body and headers."""

    reason: Reason | None = None
    """In the one vocabulary, for metrics; None where it has no word for what is wrong with a request."""

    def __init__(self, status: int, body: Mapping[str, Any], **headers: str) -> None:
        super().__init__(to_json(body))
        self.status = status
        self.body = body
        self.headers = headers


def refusal(
    message: str | list[str], status: int = HTTPStatus.BAD_REQUEST, reason: Reason | None = None
) -> Problem:
    """Something is wrong with the request; the contract has some messages as lists."""
    again = {"Retry-After": str(RETRY_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    problem = Problem(status, {"message": message, "status": int(status)}, **again)
    problem.reason = reason
    return problem


def malformed(errors: Mapping[str, Any], what: str = "input") -> Problem:
    """A body that does not have its shape: errors by field, in words that clients know."""
    return Problem(HTTPStatus.BAD_REQUEST, {"errors": errors, "message": f"failed to parse {what}"})


def no_such(kind: str, identifier: object) -> Problem:
    """404 of a device or a template."""
    return refusal(f"No such {kind}: {identifier}", HTTPStatus.NOT_FOUND)


def unclaimed(kind: str, identifier: object) -> Problem:
    """Nothing in the cluster declares the row, so nothing can be changed there."""
    return refusal(
        f"The {kind} {identifier} is in the registry only, no resource declares it;"
        " adopt or delete it with device-manager unclaimed",
        HTTPStatus.CONFLICT,
    )


def accepted(location: str) -> Problem:
    """202: the cluster has taken the change, the registry does not show it yet."""
    return _later(f"the change is accepted but not yet registered; look at {location} later", location)


def pending(location: str) -> Problem:
    """202: the registry shows the change, Kafka has not acknowledged it yet."""
    return _later("the change is registered but Kafka has not acknowledged its event yet", location)


def _later(message: str, location: str) -> Problem:
    problem = Problem(HTTPStatus.ACCEPTED, {"message": message, "status": 202}, Location=location)
    problem.reason = Reason.PENDING
    return problem


def json_response(body: str, status: int = HTTPStatus.OK) -> Response:
    """An answer from JSON text, with the final newline that the contract has."""
    return Response(body + "\n", status, media_type="application/json")


def no_content() -> Response:
    """Nothing to tell; the media type is the contract's."""
    return Response(status_code=HTTPStatus.NO_CONTENT, media_type="application/json")


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Make the application, which serves these routes, answer every error in the shapes of the contract."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RegistryError, _on_registry_error)
    app.add_exception_handler(HTTPException, partial(_on_http_error, routes))


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(error)


def answer(problem: Problem) -> Response:
    """The problem as a response."""
    response = json_response(to_json(problem.body), problem.status)
    response.headers.update(problem.headers)
    return response


async def _on_registry_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RegistryError)
    status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), None)
    if status is None:
        _LOG.error("the registry failed", error=error.message, exc_info=error)
        return internal_error()
    return answer(refusal(error.message, status))


async def _on_http_error(routes: Sequence[BaseRoute], request: Request, error: Exception) -> Response:
    """What the router refuses: 404 and 405; OPTIONS of a known path is an empty answer."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return json_response(to_json({"msg": "Invalid endpoint requested"}), HTTPStatus.NOT_FOUND)
    if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return answer(refusal(error.detail, error.status_code))
    headers = {"Allow": ", ".join(_allowed(routes, request))}
    if request.method == "OPTIONS":
        return Response(headers=headers, media_type="text/html")
    return Response(_NO_SUCH_METHOD, error.status_code, headers, media_type="text/html")


def internal_error() -> Response:
    """The answer to a bug of ours: it tells nothing, the log does."""
    return json_response(to_json({"msg": "Internal Error"}), HTTPStatus.INTERNAL_SERVER_ERROR)


def _allowed(routes: Sequence[BaseRoute], request: Request) -> list[str]:
    """The methods of all routes of the path; the router itself names those of the first only."""
    found = {"OPTIONS"}
    for route in routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found | ({"HEAD"} if "GET" in found else set()))
