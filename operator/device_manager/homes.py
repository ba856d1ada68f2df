"""Which namespace stands for a tenant that is imported, and how it comes to do so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from device_api.names import namespaces_for
from device_api.namespaces import bindings
from device_registry.domain.errors import Conflict, Refused
from device_registry.domain.model import Tenant
from device_registry.domain.reasons import Reason
from device_registry.manifests import TENANT

from .cluster import People


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The namespace of a tenant."""

    tenant: Tenant
    namespace: str
    there: bool
    """Whether the namespace exists."""
    bound: bool
    """Whether an annotation binds it to the tenant."""


async def homes_of(people: People, tenants: Iterable[Tenant], prefix: str, chosen: str = "") -> list[Home]:
    """Where the tenants are to live. Raises Refused when the chosen namespace belongs to another tenant."""
    listed = {one["metadata"]["name"]: one for one in (await people.namespaces())["items"]}
    bound = bindings(listed.values())
    return [_home(tenant, chosen or bound.get(tenant), listed, prefix) for tenant in tenants]


def _home(tenant: Tenant, name: str | None, listed: Mapping[str, Mapping[str, Any]], prefix: str) -> Home:
    """The namespace that is chosen or bound; else the first of the usual names that is free or ours."""
    names = [name] if name else namespaces_for(tenant, prefix)
    found = next((one for one in names if _owner(listed.get(one)) in {"", tenant}), None)
    if found is None:
        owner = _owner(listed.get(names[0]))
        raise Refused(
            Reason.TENANT_CONFLICT,
            f"the namespace {names[0]} stands for the tenant {owner}, not for {tenant}; choose another one"
            " with --namespace",
        )
    return Home(
        tenant=tenant,
        namespace=found,
        there=found in listed,
        bound=_owner(listed.get(found)) == tenant,
    )


def _owner(namespace: Mapping[str, Any] | None) -> str:
    """The tenant that a namespace is bound to; empty for one that is not there or not bound."""
    if namespace is None:
        return ""
    return (namespace["metadata"].get("annotations") or {}).get(TENANT) or ""


async def settle_in(people: People, home: Home) -> None:
    """Make the namespace, or bind it, so that it stands for the tenant."""
    if not home.there:
        try:
            await people.create_namespace(home.namespace, {TENANT: home.tenant})
        except Conflict:
            await people.annotate_namespace(home.namespace, {TENANT: home.tenant})
    elif not home.bound:
        await people.annotate_namespace(home.namespace, {TENANT: home.tenant})
