"""Secrets in Kubernetes: a part of `kube`, which alone makes the requests.

Whoever only wants to know whether a Secret has changed is given its version: keys then never leave the API
server.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Final

import aiohttp

from .domain.errors import ClusterUnavailable
from .key_ports import SeenSecret
from .manifests import MANAGED_BY, REST_MANAGER, SECRET_LABEL

LIST_OF_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

_MERGE: Final = "application/merge-patch+json"
_WATCH_SECONDS: Final = 300
"""When the API server ends a watch; it is begun again from where it was."""
_SILENCE_SECONDS: Final = 120.0
"""Bookmarks come every minute: a watch without a word for so long is dead."""


class SecretRequests:
    """See `device_registry.key_ports.Secrets`, which says what each method promises."""

    async def secret(self, namespace: str, name: str) -> dict[str, Any]:
        """See the port."""
        return await self._request("GET", f"{_path(namespace)}/{name}")

    async def create_secret(self, manifest: Mapping[str, Any], manager: str) -> dict[str, Any]:
        """See the port."""
        path, query = _path(manifest["metadata"]["namespace"]), {"fieldManager": manager}
        return await self._request("POST", path, query=query, body=manifest)

    async def patch_secret(
        self, namespace: str, name: str, change: Mapping[str, Any], manager: str
    ) -> dict[str, Any]:
        """See the port."""
        query, headers = {"fieldManager": manager}, {"Content-Type": _MERGE}
        path = f"{_path(namespace)}/{name}"
        return await self._request("PATCH", path, query=query, body=change, headers=headers)

    async def secret_version(self, namespace: str, name: str) -> str:
        """See the port."""
        found = await self._request("GET", f"{_path(namespace)}/{name}", headers={"Accept": METADATA_ONLY})
        return str(found["metadata"]["resourceVersion"])

    async def labelled_secrets(self, namespace: str | None) -> tuple[Sequence[SeenSecret], str]:
        """See the port."""
        query = {"labelSelector": SECRET_LABEL}
        found = await self._request(
            "GET", _path(namespace), query=query, headers={"Accept": LIST_OF_METADATA}
        )
        return list(map(_seen, found["items"] or ())), str(found["metadata"]["resourceVersion"])

    async def secret_changes(self, namespace: str | None, since: str) -> AsyncIterator[SeenSecret]:
        """See the port."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": SECRET_LABEL,
            "resourceVersion": since,
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        patience = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=_SILENCE_SECONDS)
        async with self._stream(_path(namespace), params=query, timeout=patience) as response:
            async for event in _events(response):
                if event["type"] == "ERROR":
                    raise ClusterUnavailable(f"the watch of Secrets ended: {event['object'].get('message')}")
                if event["type"] != "BOOKMARK":
                    seen = _seen(event["object"])
                    yield replace(seen, version="") if event["type"] == "DELETED" else seen

    # --- what `kube` does for us ------------------------------------------------------------------------

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        raise NotImplementedError

    def _stream(self, path: str, **parts: Any) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        raise NotImplementedError


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """One object a line; the client's own reading by lines has a limit, and metadata have none that low."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in filter(None, lines):
            yield json.loads(line)


def _seen(secret: Mapping[str, Any]) -> SeenSecret:
    meta = secret["metadata"]
    return SeenSecret(
        (meta["namespace"], meta["name"]),
        str(meta["resourceVersion"]),
        made_by_rest=(meta.get("labels") or {}).get(MANAGED_BY) == REST_MANAGER,
    )


def _path(namespace: str | None) -> str:
    return f"/api/v1/namespaces/{namespace}/secrets" if namespace else "/api/v1/secrets"
