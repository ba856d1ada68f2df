"""Which tenant a namespace stands for, and what else an administrator set on it.

The intake feeds it with namespace events, workers ask it; a namespace that was not seen yet is fetched once.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from device_registry.domain.errors import NotFound
from device_registry.domain.model import Key, Tenant, TenantClaim
from device_registry.manifests import TENANT
from device_registry.ports import Cluster

from .deletion_rules import DeletionRules, DeletionRulesReader

log = structlog.get_logger()

_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""What a tenant's name may look like: it becomes part of a topic's name."""

UNBOUND = Tenant("")
"""Stands in until a worker has asked for the binding of the namespace."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a namespace says about its resources."""

    tenant: Tenant | None
    """None while the namespace stands for no tenant."""
    deletion: DeletionRules
    """What it says about the deletion of its resources."""
    problem: str = ""
    """Why there is no tenant, and what to do about it."""
    claim: TenantClaim | None = None
    """With what right the namespace stands for its tenant; None while it stands for none."""


class Namespaces:
    """Bindings by namespace. `changed` hears of each namespace whose tenant or claim is not as before."""

    def __init__(self, cluster: Cluster, changed: Callable[[str], None], *, explicit_only: bool) -> None:
        self._cluster = cluster
        self._rules = DeletionRulesReader()
        self._changed = changed
        self._explicit_only = explicit_only
        self._bindings: dict[str, Binding] = {}

    def seen(self, namespace: Mapping[str, Any]) -> None:
        """Note what a namespace says now."""
        name = namespace["metadata"]["name"]
        former = self._bindings.get(name)
        self._bindings[name] = binding = self._read(namespace)
        if former and (former.tenant, former.claim) != (binding.tenant, binding.claim):
            self._changed(name)

    def gone(self, name: str) -> None:
        """The namespace is no more."""
        self._bindings.pop(name, None)
        self._changed(name)

    async def of(self, key: Key) -> Binding:
        """The binding of a resource's namespace. May raise what Cluster.namespace raises."""
        return await self._binding(key.namespace)

    async def claim(self, name: str, tenant: Tenant) -> TenantClaim | None:
        """The claim of a namespace to stand for that tenant, None when it is gone or stands for another.

        May raise Forbidden and ClusterUnavailable.
        """
        try:
            binding = await self._binding(name)
        except NotFound:
            return None
        return binding.claim if binding.tenant == tenant else None

    async def _binding(self, name: str) -> Binding:
        if name not in self._bindings:
            self.seen(await self._cluster.namespace(name))
        return self._bindings[name]

    def _read(self, namespace: Mapping[str, Any]) -> Binding:
        name = namespace["metadata"]["name"]
        annotations = namespace["metadata"].get("annotations") or {}
        rules = self._rules.read(namespace)
        tenant = annotations.get(TENANT) or ("" if self._explicit_only else name)
        if not tenant:
            problem = f'the namespace "{name}" is bound to no tenant; annotate it with {TENANT}'
            return Binding(None, rules, problem)
        if not _TENANT.fullmatch(tenant):
            problem = (
                f'the namespace "{name}" names the tenant "{tenant}"; a tenant has letters, digits, ".", "_"'
                f' and "-", 128 at most: correct the annotation {TENANT}'
            )
            return Binding(None, rules, problem)
        return Binding(Tenant(tenant), rules, claim=_claim(namespace, explicit=bool(annotations.get(TENANT))))


def _claim(namespace: Mapping[str, Any], *, explicit: bool) -> TenantClaim:
    created = namespace["metadata"].get("creationTimestamp")
    since = datetime.fromisoformat(created) if created else None
    return TenantClaim(namespace=namespace["metadata"]["name"], explicit=explicit, since=since)
