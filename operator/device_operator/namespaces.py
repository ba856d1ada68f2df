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
        self._note(namespace["metadata"]["name"], self._read(namespace))

    def _note(self, name: str, binding: Binding) -> None:
        former = self._bindings.get(name)
        self._bindings[name] = binding
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
            return _claimed(await self._binding(name), tenant)
        except NotFound:
            return None

    async def claim_now(self, name: str, tenant: Tenant) -> TenantClaim | None:
        """As `claim`, but by what the cluster says now: what happened while nobody watched is not told."""
        known = self._bindings.get(name)
        try:
            return _claimed(await self._ask(name), tenant)
        except NotFound:
            if known and self._bindings.get(name) is known:
                self.gone(name)
            return None

    async def _binding(self, name: str) -> Binding:
        if name in self._bindings:
            return self._bindings[name]
        asked = await self._ask(name)
        return self._bindings.get(name, asked)

    async def _ask(self, name: str) -> Binding:
        """What the cluster answers. It is noted unless an event came meanwhile, which may be newer."""
        known = self._bindings.get(name)
        binding = self._read(await self._cluster.namespace(name))
        if self._bindings.get(name) is known:
            self._note(name, binding)
        return binding

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


def _claimed(binding: Binding, tenant: Tenant) -> TenantClaim | None:
    return binding.claim if binding.tenant == tenant else None


def _claim(namespace: Mapping[str, Any], *, explicit: bool) -> TenantClaim:
    created = namespace["metadata"].get("creationTimestamp")
    since = datetime.fromisoformat(created) if created else None
    return TenantClaim(namespace=namespace["metadata"]["name"], explicit=explicit, since=since)
