"""What the middlewares add to every route, for the description at /openapi.json: `documentation` asks."""

from collections.abc import Iterator
from typing import Any, Final

from .asking import WaitFor

_WAIT: Final[dict[str, Any]] = {
    "name": "wait",
    "in": "query",
    "description": "When to answer: when the change can be read, or when Kafka has its event as well.",
    "schema": {"type": "string", "enum": [str(one) for one in WaitFor], "default": str(WaitFor.REGISTERED)},
}
_REQUEST_ID: Final[dict[str, Any]] = {
    "description": "The id of the request: the client's `X-Request-Id`, or a new one.",
    "schema": {"type": "string"},
}
_TOO_LARGE: Final = {
    "408": "The body did not come in time.",
    "413": "The body is larger than BODY_LIMIT_MIB.",
}
_TOO_LONG: Final = {
    "414": "The URL is longer than 8 KiB.",
    "431": "The headers are longer than 32 KiB together.",
}
_REFUSAL: Final = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}


def describe(document: dict[str, Any]) -> None:
    """Add the parameter `wait`, the answers to what is too large, and the header of the request's id."""
    for operation in _operations(document):
        responses = operation["responses"]
        if "202" in responses:
            operation.setdefault("parameters", []).append(_WAIT)
        refused = {**_TOO_LONG, **(_TOO_LARGE if "requestBody" in operation else {})}
        for status, about in refused.items():
            responses.setdefault(status, {"description": about, "content": _REFUSAL})
        for response in responses.values():
            response.setdefault("headers", {})["X-Request-Id"] = _REQUEST_ID


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from (one for one in path.values() if isinstance(one, dict) and "responses" in one)
