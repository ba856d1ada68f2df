"""Which tenant a namespace stands for, and what else an administrator set on it.

The intake feeds it with namespace events, workers ask it; a namespace that was not seen yet is fetched once.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from device_registry.domain.model import DeletionPolicy, Key, Tenant
from device_registry.manifests import DELETION_POLICY, TENANT
from device_registry.ports import Cluster

log = structlog.get_logger()

_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""What a tenant's name may look like: it becomes part of a topic's name."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a namespace says about its resources."""

    tenant: Tenant | None
    """None while the namespace stands for no tenant."""
    policy: DeletionPolicy = DeletionPolicy.DELETE
    """The deletion policy of resources that name none."""
    problem: str = ""
    """Why there is no tenant, and what to do about it."""


class Namespaces:
    """Bindings by namespace. `wake` has a resource looked at again after its namespace was bound."""

    def __init__(self, cluster: Cluster, wake: Callable[[Key], None], *, explicit_only: bool) -> None:
        self._cluster = cluster
        self._wake = wake
        self._explicit_only = explicit_only
        self._bindings: dict[str, Binding] = {}
        self._refused: dict[str, set[Key]] = {}

    def seen(self, namespace: Mapping[str, Any]) -> None:
        """Note what a namespace says now."""
        name = namespace["metadata"]["name"]
        self._bindings[name] = binding = self._read(namespace)
        if binding.tenant:
            for key in self._refused.pop(name, ()):
                self._wake(key)

    def gone(self, name: str) -> None:
        """The namespace is no more."""
        self._bindings.pop(name, None)
        self._refused.pop(name, None)

    async def of(self, key: Key) -> Binding:
        """The binding of a resource's namespace. May raise what Cluster.namespace raises."""
        if key.namespace not in self._bindings:
            self.seen(await self._cluster.namespace(key.namespace))
        binding = self._bindings[key.namespace]
        if not binding.tenant:
            self._refused.setdefault(key.namespace, set()).add(key)
        return binding

    def _read(self, namespace: Mapping[str, Any]) -> Binding:
        name = namespace["metadata"]["name"]
        annotations = namespace["metadata"].get("annotations") or {}
        policy = _policy(name, annotations.get(DELETION_POLICY))
        tenant = annotations.get(TENANT) or ("" if self._explicit_only else name)
        if not tenant:
            problem = f'the namespace "{name}" is bound to no tenant; annotate it with {TENANT}'
            return Binding(None, policy, problem)
        if not _TENANT.fullmatch(tenant):
            problem = (
                f'the namespace "{name}" names the tenant "{tenant}"; a tenant has letters, digits, ".", "_"'
                f' and "-", 128 at most: correct the annotation {TENANT}'
            )
            return Binding(None, policy, problem)
        return Binding(Tenant(tenant), policy)


def _policy(name: str, text: str | None) -> DeletionPolicy:
    if text is None or text in list(DeletionPolicy):
        return DeletionPolicy(text or DeletionPolicy.DELETE)
    # Keeping a row can be undone, removing it cannot.
    log.warning("unknown deletion policy, rows are kept", namespace=name, policy=text)
    return DeletionPolicy.RETAIN
