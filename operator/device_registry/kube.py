"""Our resources in Kubernetes (port Cluster) over one HTTP session; only this module calls the API server.

The operator and the facade each hold one `Kube`, with the credentials of `access`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from kubernetes.config import ConfigException

from .access import Credentials
from .domain.errors import (
    ClusterUnavailable,
    Conflict,
    Forbidden,
    NotFound,
    Refused,
    RegistryError,
)
from .domain.model import Key, Kind
from .domain.reasons import Reason
from .kube_secrets import LIST_OF_METADATA, METADATA_ONLY, SecretRequests
from .manifests import GROUP, PLURALS, VERSION, key_of

_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)
"""What takes longer than 30 s is worth asking for again; a connection is there within 5 s or not."""
_CONNECTIONS: Final = 32
"""Beyond that many writes in flight the API server only queues them."""
_PAGE: Final = 500
"""Objects in one page of a list: what kubectl takes."""

_MERGE: Final = "application/merge-patch+json"
_APPLY: Final = "application/apply-patch+yaml"

_NEXT_ACTION: Final[Mapping[int, type[RegistryError]]] = {
    HTTPStatus.UNAUTHORIZED: ClusterUnavailable,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
}
"""What an answer means for the caller; an expired token (401) is read again for the next request."""

_LATER: Final = (HTTPStatus.GONE, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT)
"""Answers below 500 that another attempt may change: a list that went stale between its pages begins anew."""


class Kube(SecretRequests):
    """See `device_registry.ports.Cluster`, which says what each method promises."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=self._credentials.ssl_context())
        self._session = aiohttp.ClientSession(
            base_url=self._credentials.server, connector=connector, timeout=_TIMEOUT
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ping(self) -> None:
        async with self._answering("GET", "/readyz", headers=self._credentials.headers()) as response:
            await response.read()
        error = _error(response, {"message": "/readyz"})
        if not response.ok and isinstance(error, ClusterUnavailable):
            raise error

    async def get(self, key: Key) -> dict[str, Any]:
        return await self._request("GET", _path(key))

    async def create(self, manifest: Mapping[str, Any], manager: str) -> dict[str, Any]:
        collection, _, _ = _path(key_of(manifest)).rpartition("/")
        query = {"fieldManager": manager, "fieldValidation": "Strict"}
        return await self._request("POST", collection, query=query, body=manifest)

    async def apply(
        self, manifest: Mapping[str, Any], manager: str, *, force: bool = False
    ) -> dict[str, Any]:
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        return await self._patch(_path(key_of(manifest)), _APPLY, manifest, query)

    async def replace(self, obj: Mapping[str, Any], manager: str) -> dict[str, Any]:
        query = {"fieldManager": manager, "fieldValidation": "Strict"}
        return await self._request("PUT", _path(key_of(obj)), query=query, body=obj)

    async def delete(self, key: Key, *, uid: str | None = None, resource_version: str | None = None) -> None:
        wanted = {"uid": uid, "resourceVersion": resource_version}
        options = {"preconditions": {name: value for name, value in wanted.items() if value}}
        await self._request("DELETE", _path(key), body={**options, "propagationPolicy": "Background"})

    async def annotate(self, key: Key, notes: Mapping[str, str | None], version: str = "") -> dict[str, Any]:
        meta = {"annotations": dict(notes), **({"resourceVersion": version} if version else {})}
        return await self._patch(_path(key), _MERGE, {"metadata": meta})

    async def set_finalizers(
        self, key: Key, finalizers: Sequence[str], resource_version: str
    ) -> dict[str, Any]:
        meta = {"finalizers": list(finalizers) or None, "resourceVersion": resource_version}
        return await self._patch(_path(key), _MERGE, {"metadata": meta})

    async def patch_status(
        self, key: Key, status: Mapping[str, Any], resource_version: str
    ) -> dict[str, Any]:
        change = {"metadata": {"resourceVersion": resource_version}, "status": status}
        return await self._patch(f"{_path(key)}/status", _MERGE, change)

    async def list(self, kind: Kind, namespace: str | None = None) -> list[dict[str, Any]]:
        return [item async for item in self._pages(kind, namespace)]

    async def serves(self, kind: Kind) -> bool:
        try:
            known = await self._request("GET", f"/apis/{GROUP}/{VERSION}")
        except NotFound:
            return False
        return any(one["name"] == PLURALS[kind] for one in known["resources"])

    async def post_event(self, event: Mapping[str, Any]) -> None:
        namespace = event["metadata"]["namespace"]
        await self._request("POST", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", body=event)

    async def definition(self, kind: Kind) -> dict[str, Any]:
        name = f"{PLURALS[kind]}.{GROUP}"
        return await self._request("GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")

    async def namespace(self, name: str) -> dict[str, Any]:
        return await self._request("GET", f"/api/v1/namespaces/{name}")

    async def annotate_namespace(self, name: str, annotations: Mapping[str, str]) -> None:
        await self._patch(f"/api/v1/namespaces/{name}", _MERGE, {"metadata": {"annotations": annotations}})

    async def is_ending(self, kind: Kind) -> bool:
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{PLURALS[kind]}.{GROUP}"
        try:
            found = await self._request("GET", path, headers={"Accept": METADATA_ONLY})
        except NotFound:
            return True
        return "deletionTimestamp" in found["metadata"]

    async def namespaces(self) -> dict[str, Any]:
        """Every namespace, for finding the one that is bound to a tenant."""
        return await self._request("GET", "/api/v1/namespaces")

    async def create_namespace(self, name: str, annotations: Mapping[str, str]) -> dict[str, Any]:
        """Create a namespace; Conflict when it is there already."""
        body = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "annotations": annotations},
        }
        return await self._request("POST", "/api/v1/namespaces", body=body)

    async def _pages(self, kind: Kind, namespace: str | None) -> AsyncIterator[dict[str, Any]]:
        within = f"/namespaces/{namespace}" if namespace else ""
        path = f"/apis/{GROUP}/{VERSION}{within}/{PLURALS[kind]}"
        query = {"limit": str(_PAGE)}
        while True:
            page = await self._request("GET", path, query=query, headers={"Accept": LIST_OF_METADATA})
            for item in page["items"] or ():
                # The largest part of the metadata, and of no use to anybody who lists.
                item["metadata"].pop("managedFields", None)
                yield item
            query["continue"] = page["metadata"].get("continue") or ""
            if not query["continue"]:
                return

    async def _patch(
        self, path: str, content: str, body: Mapping[str, Any], query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        headers = {"Content-Type": content}
        return await self._request("PATCH", path, query=query, body=body, headers=headers)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        sent = {"Content-Type": "application/json", **self._credentials.headers(), **(headers or {})}
        data = None if body is None else json.dumps(body).encode()
        async with self._answering(method, path, params=query, data=data, headers=sent) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
        if response.ok:
            return answer
        raise _error(response, answer)

    @asynccontextmanager
    async def _stream(self, path: str, **parts: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Accept": METADATA_ONLY, **self._credentials.headers()}
        async with self._answering("GET", path, headers=headers, **parts) as response:
            if not response.ok:
                raise _error(response, await response.json(content_type=None))
            yield response

    @asynccontextmanager
    async def _answering(self, method: str, path: str, **parts: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request; what goes wrong until its answer has been read becomes ClusterUnavailable."""
        assert self._session is not None, "enter the context first"
        try:
            async with self._session.request(method, path, **parts) as response:
                if response.status == HTTPStatus.UNAUTHORIZED:
                    self._renew_credentials()
                yield response
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            text = str(error) or type(error).__name__
            raise ClusterUnavailable(f"the Kubernetes API server does not answer: {text}") from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody wants this task to end: a watcher that ended took the connection's tasks with it.
            raise ClusterUnavailable("the request was cut off") from error

    def _renew_credentials(self) -> None:
        """Read them again: what was refused may have been replaced since."""
        with suppress(ConfigException, OSError):
            self._credentials = Credentials.load()


def _path(key: Key) -> str:
    return f"/apis/{GROUP}/{VERSION}/namespaces/{key.namespace}/{PLURALS[key.kind]}/{key.name}"


def _error(response: aiohttp.ClientResponse, answer: Mapping[str, Any]) -> RegistryError:
    """The answer of the API server as an error that carries the next action."""
    message = str(answer.get("message") or f"HTTP {response.status}")
    known = _NEXT_ACTION.get(response.status)
    if known is not None:
        return known(message)
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status in _LATER:
        said = f"the Kubernetes API server answers {response.status}: {message}"
        return ClusterUnavailable(said, retry_after=_retry_after(response.headers.get("Retry-After", "")))
    return Refused(Reason.INVALID_SPEC, message)


def _retry_after(header: str) -> float:
    """Seconds that the API server wants to be left alone, a minute at most; 0 if it does not say so."""
    return min(60.0, float(header)) if header.isdecimal() else 0.0
