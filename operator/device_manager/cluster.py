"""The cluster as commands use it: whole objects, and what only people ask of the API server."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from device_registry.access import Credentials
from device_registry.domain.errors import ClusterUnavailable
from device_registry.domain.model import Kind
from device_registry.kube import Kube
from device_registry.manifests import GROUP, PLURALS, VERSION

_PAGE: Final = 500
"""Objects in one page of a list: what kubectl takes."""
_APIS: Final = f"/apis/{GROUP}/{VERSION}"
_MERGE: Final = {"Content-Type": "application/merge-patch+json"}

_Answer = TypeVar("_Answer")


class People(Kube):
    """See `device_registry.ports.Cluster` for the errors."""

    async def objects(self, kind: Kind, namespace: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Every object of a kind as it is stored, page by page, by namespace and name."""
        within = f"/namespaces/{namespace}" if namespace else ""
        query = {"limit": str(_PAGE)}
        while True:
            page = await self._request("GET", f"{_APIS}{within}/{PLURALS[kind]}", query=query)
            for item in page["items"] or ():
                yield {"apiVersion": f"{GROUP}/{VERSION}", "kind": str(kind), **item}
            query["continue"] = page["metadata"].get("continue") or ""
            if not query["continue"]:
                return

    async def check(self, manifest: Mapping[str, Any], namespace: str) -> None:
        """Have the API server judge a manifest without storing it; raises Refused with what is wrong.

        It is judged as a new object of another name, so that neither its name nor its namespace need be free.
        """
        kind = Kind(manifest["kind"])
        body = {**manifest, "metadata": {"generateName": "check-", "namespace": namespace}}
        query = {"dryRun": "All", "fieldValidation": "Strict"}
        await self._request("POST", f"{_APIS}/namespaces/{namespace}/{PLURALS[kind]}", query=query, body=body)

    async def delete_namespace(self, name: str) -> None:
        """Delete a namespace with everything in it."""
        await self._request("DELETE", f"/api/v1/namespaces/{name}")


@asynccontextmanager
async def connected() -> AsyncIterator[People]:
    """The cluster of KUBECONFIG, of ~/.kube/config, or of the pod."""
    async with People(_credentials()) as people:
        yield people


def run(work: Coroutine[Any, Any, _Answer]) -> _Answer:
    """Run what a command does in the cluster."""
    return asyncio.run(work)


def _credentials() -> Credentials:
    """Raises ClusterUnavailable for whatever is wrong with the configuration."""
    try:
        return Credentials.load()
    except Exception as error:  # the client library raises what it meets: YAML, files, its own errors
        text = str(error).strip().split("\n", 1)[0]
        raise ClusterUnavailable(
            f"there is no cluster to talk to: {text or type(error).__name__};"
            " let KUBECONFIG name a kubeconfig, or run in a pod with a service account"
        ) from error
