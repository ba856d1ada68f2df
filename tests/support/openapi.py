"""Holds answers against what /openapi.json says of them: route, status, media type, shape."""

import re
from collections.abc import Mapping
from typing import Any

import httpx
from jsonschema import Draft202012Validator

_PARAMETER = re.compile(r"\\\{[^}]*\\\}")


class Conformity:
    """Judges answers by one document; `judged` are the operations that were seen, with their statuses."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._components = document["components"]
        self._routes = [
            (re.compile(_PARAMETER.sub("[^/]+", re.escape(path))), path, operations)
            for path, operations in document["paths"].items()
        ]
        self.judged: set[tuple[str, str, int]] = set()
        self.operations = {
            (method.upper(), path) for path, every in document["paths"].items() for method in every
        }

    def problem(self, response: httpx.Response) -> str:
        """What is wrong with the answer, nothing if it is good; unknown paths and methods are not judged."""
        found = self._operation(response.request)
        if found is None:
            return ""
        path, operation = found
        told = operation["responses"].get(str(response.status_code))
        if told is None:
            return f"{response.status_code} of {response.request.method} {path} is not documented"
        self.judged.add((response.request.method, path, response.status_code))
        return self._shape(told, response)

    def _operation(self, request: httpx.Request) -> tuple[str, Mapping[str, Any]] | None:
        asked, method = request.url.raw_path.decode().partition("?")[0], request.method.lower()
        matching = [(path, every) for pattern, path, every in self._routes if pattern.fullmatch(asked)]
        known = [(path, every[method]) for path, every in matching if method in every]
        # What is spelled out wins over a parameter.
        return min(known, key=lambda one: one[0].count("{"), default=None)

    def _shape(self, told: Mapping[str, Any], response: httpx.Response) -> str:
        content = told.get("content", {}).get("application/json")
        if content is None:
            return f"a body that is not documented: {response.text[:200]}" if response.content else ""
        validator = Draft202012Validator({**content["schema"], "components": self._components})
        error = next(iter(validator.iter_errors(response.json())), None)
        return f"not as documented at {error.json_path}: {error.message[:300]}" if error else ""
