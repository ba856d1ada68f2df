"""Which tenants and namespaces a command is about, and which tenant a namespace stands for."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from device_registry.domain.model import Kind, Tenant
from device_registry.manifests import TENANT
from device_registry.registry.overview import Scope

from .cluster import People


def scope_of(tenants: list[str] | None, namespaces: list[str] | None) -> Scope:
    """The options as a value."""
    return Scope(
        tenants=frozenset(Tenant(one) for one in tenants or ()), namespaces=frozenset(namespaces or ())
    )


def tenant_of(namespace: Mapping[str, Any]) -> Tenant:
    """The tenant that a namespace object stands for: the annotated one, else that of its own name."""
    meta = namespace["metadata"]
    return Tenant((meta.get("annotations") or {}).get(TENANT) or meta["name"])


async def tenants_by_namespace(people: People) -> dict[str, Tenant]:
    """Every namespace and the tenant that it stands for."""
    listed = await people.namespaces()
    return {one["metadata"]["name"]: tenant_of(one) for one in listed["items"]}


async def objects_in(
    people: People, kind: Kind, scope: Scope, tenants: Mapping[str, Tenant]
) -> AsyncIterator[dict[str, Any]]:
    """The objects of a kind within a scope, by namespace and name."""
    if scope.whole:
        async for one in people.objects(kind):
            yield one
        return
    for namespace, tenant in sorted(tenants.items()):
        if scope.covers(tenant, namespace):
            async for one in people.objects(kind, namespace):
                yield one
