"""Which namespace stands for a tenant when the facade writes, and which it may write into at all.

Only namespaces that an administrator, or this facade, has bound by an annotation are written into: a token
may say any tenant, and must not reach into a namespace that merely has the same name.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol

import structlog

from device_registry.domain.errors import Conflict, NotFound
from device_registry.domain.model import Tenant
from device_registry.manifests import TENANT
from device_registry.settings import Settings, TenantNamespaces

from .names import namespaces_for
from .problems import Problem, refusal

_LOG = structlog.get_logger(__name__)

_FRESH_SECONDS = 10.0
"""How long a binding is believed: an administrator who moves a tenant waits that long."""
_PAUSE_SECONDS = 1.0
"""Between two looks for tenants that are not bound: requests of strangers must not burden the API server."""


class _Seen(NamedTuple):
    """What a namespace was bound to when it was looked at."""

    tenant: Tenant | None
    at: float


_NEVER: Final = _Seen(None, float("-inf"))


class NamespaceCluster(Protocol):
    """The part of the cluster that is needed here."""

    async def namespaces(self) -> dict[str, Any]:
        """Every namespace, as a list object."""

    async def namespace(self, name: str) -> dict[str, Any]:
        """A namespace with its annotations."""

    async def create_namespace(self, name: str, annotations: Mapping[str, str]) -> dict[str, Any]:
        """Create a namespace; raises Conflict when it is there already."""


class Namespaces:
    """Finds, and with TENANT_NAMESPACES=auto makes, the namespace of a tenant."""

    def __init__(self, cluster: NamespaceCluster, settings: Settings) -> None:
        self._cluster = cluster
        self._makes = settings.TENANT_NAMESPACES is TenantNamespaces.AUTO
        self._prefix = settings.TENANT_NAMESPACE_PREFIX
        self._bound: dict[Tenant, str] = {}
        self._seen: dict[str, _Seen] = {}
        """Namespaces in which resources are, whether they stand for their tenant or not."""
        self._looked = float("-inf")
        self._lock = asyncio.Lock()

    async def of(self, tenant: Tenant) -> str:
        """The namespace to write into. Raises Problem (403) when there is none."""
        age = time.monotonic() - self._looked
        if age > _FRESH_SECONDS or tenant not in self._bound:
            async with self._lock:
                await self._find(tenant)
        return self._bound[tenant]

    async def check(self, tenant: Tenant, names: Iterable[str]) -> None:
        """Raise Problem (403) unless all these namespaces, where resources are, are bound to the tenant."""
        for name in names:
            if await self._tenant_of(name, expected=tenant) != tenant:
                raise _not_bound(tenant, f'the namespace "{name}" is not bound', name)

    def forget(self, tenant: Tenant) -> None:
        """The namespace was not there any more: look again next time."""
        self._bound.pop(tenant, None)

    async def _tenant_of(self, name: str, expected: Tenant) -> Tenant | None:
        """The tenant that the namespace is bound to; what is not as expected is looked at again sooner."""
        seen = self._seen.get(name, _NEVER)
        if time.monotonic() - seen.at > (_FRESH_SECONDS if seen.tenant == expected else _PAUSE_SECONDS):
            seen = self._seen[name] = _Seen(await self._look(name), time.monotonic())
        return seen.tenant

    async def _look(self, name: str) -> Tenant | None:
        try:
            return _tenant(await self._cluster.namespace(name))
        except NotFound:
            return None

    async def _find(self, tenant: Tenant) -> None:
        """Look, unless somebody else just has; then make one, or say that there is none."""
        age = time.monotonic() - self._looked
        if age > (_PAUSE_SECONDS if tenant not in self._bound else _FRESH_SECONDS):
            found = await self._cluster.namespaces()
            self._bound = bindings(found["items"])
            self._looked = time.monotonic()
        if tenant not in self._bound:
            self._bound[tenant] = await self._make(tenant)

    async def _make(self, tenant: Tenant) -> str:
        if self._makes:
            for name in namespaces_for(tenant, self._prefix):
                if await self._bind(name, tenant):
                    return name
        raise _not_bound(tenant, "no namespace is bound", "<name>")

    async def _bind(self, name: str, tenant: Tenant) -> bool:
        """Whether the namespace is the tenant's now: what exists is never bound here, only what we make."""
        try:
            await self._cluster.create_namespace(name, {TENANT: tenant})
        except Conflict:
            existing = await self._cluster.namespace(name)
            return _tenant(existing) == tenant
        _LOG.info("made a namespace for a new tenant", namespace=name, tenant=tenant)
        return True


def bindings(namespaces: Iterable[Mapping[str, Any]]) -> dict[Tenant, str]:
    """Tenants to the namespaces that are bound to them; of several the oldest."""
    found: dict[Tenant, str] = {}
    for namespace in sorted(namespaces, key=_age):
        tenant = _tenant(namespace)
        if tenant and "deletionTimestamp" not in namespace["metadata"]:
            found.setdefault(tenant, namespace["metadata"]["name"])
    return found


def _not_bound(tenant: Tenant, what: str, name: str) -> Problem:
    return refusal(
        f'{what} to the tenant "{tenant}"; an administrator binds one with'
        f" kubectl annotate namespace {name} {TENANT}={tenant}",
        HTTPStatus.FORBIDDEN,
    )


def _age(namespace: Mapping[str, Any]) -> tuple[str, str]:
    meta = namespace["metadata"]
    return meta["creationTimestamp"], meta["name"]


def _tenant(namespace: Mapping[str, Any]) -> Tenant | None:
    name = (namespace["metadata"].get("annotations") or {}).get(TENANT)
    return Tenant(name) if name else None
