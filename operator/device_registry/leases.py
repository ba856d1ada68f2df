"""The API server for an operator that may have to share: Leases, and writes by the leader only.

Only `wiring` makes one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .access import Credentials
from .domain.errors import Fenced
from .domain.model import Key
from .kube import Kube

_LEASES = "/apis/coordination.k8s.io/v1/namespaces"


class LeaderKube(Kube):
    """See `device_registry.ports.Cluster` for the errors.

    `leads` says whether this process leads at this moment. What it writes for resources raises Fenced when it
    does not: a leader that woke up late would put an old status over a newer one.
    """

    def __init__(self, credentials: Credentials, leads: Callable[[], bool]) -> None:
        super().__init__(credentials)
        self._leads = leads

    # --- writes of the leader ---------------------------------------------------------------------------

    async def set_finalizers(
        self, key: Key, finalizers: Sequence[str], resource_version: str
    ) -> dict[str, Any]:
        """See the port."""
        self._check()
        return await super().set_finalizers(key, finalizers, resource_version)

    async def patch_status(
        self, key: Key, status: Mapping[str, Any], resource_version: str
    ) -> dict[str, Any]:
        """See the port."""
        self._check()
        return await super().patch_status(key, status, resource_version)

    async def post_event(self, event: Mapping[str, Any]) -> None:
        """See the port."""
        self._check()
        await super().post_event(event)

    def _check(self) -> None:
        if not self._leads():
            raise Fenced

    # --- leases (port `Leases` of the operator's election) ------------------------------------------------

    async def lease(self, namespace: str, name: str) -> dict[str, Any]:
        """The Lease as it is now."""
        return await self._request("GET", f"{_LEASES}/{namespace}/leases/{name}")

    async def create_lease(self, namespace: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Create a Lease; Conflict when somebody was faster."""
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"namespace": namespace, "name": name},
            "spec": spec,
        }
        return await self._request("POST", f"{_LEASES}/{namespace}/leases", body=body)

    async def replace_lease(self, lease: Mapping[str, Any]) -> dict[str, Any]:
        """Replace a Lease if it is still at its version; Conflict when it is not."""
        meta = lease["metadata"]
        path = f"{_LEASES}/{meta['namespace']}/leases/{meta['name']}"
        return await self._request("PUT", path, body=lease)
