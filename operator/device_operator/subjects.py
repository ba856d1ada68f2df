"""Gets what a worker needs before it can ask the registry: the object, its tenant, and the default policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from device_registry.domain.errors import NotFound, Refused
from device_registry.domain.model import DeletionPolicy, Key, Tenant
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.manifests import parse
from device_registry.ports import Cluster

from .namespaces import UNBOUND, Binding, Namespaces
from .needs import AnyResource
from .queue import Work
from .reports import bound, outcome_of, without_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One resource in the hands of a worker."""

    resource: AnyResource
    policy: DeletionPolicy | None
    """What becomes of the row when the resource is deleted, if it or its namespace says so."""
    allowed_until: datetime | None = None
    """Until when the deletion budget does not count."""
    refusal: Outcome | None = None
    """Why the registry need not be asked."""


class Subjects:
    """Where workers get theirs."""

    def __init__(self, cluster: Cluster, namespaces: Namespaces) -> None:
        self._cluster = cluster
        self._namespaces = namespaces

    async def of(self, work: Work) -> Subject | None:
        """The subject of a key, fetched unless it is at hand; None when the object is gone.

        Raises ClusterUnavailable and Forbidden as the port Cluster does.
        """
        try:
            binding = await self._namespaces.of(work.key)
            if work.resource is None:
                return await self._fetched(work.key, binding)
        except NotFound:
            return None
        return _subject(work.resource, binding)

    async def _fetched(self, key: Key, binding: Binding) -> Subject:
        obj = await self._cluster.get(key)
        tenant = binding.tenant or UNBOUND
        try:
            return _subject(parse(obj, tenant), binding)
        except Refused as error:
            return _malformed(obj, tenant, error)


def _subject(seen: AnyResource, binding: Binding) -> Subject:
    resource = bound(seen, binding.tenant or UNBOUND, binding.claim)
    return Subject(
        resource=resource,
        policy=resource.declared.spec.deletion_policy or binding.deletion.policy,
        allowed_until=binding.deletion.allowed_until,
        refusal=outcome_of(resource, Reason.TENANT_CONFLICT, binding.problem) if binding.problem else None,
    )


def _malformed(obj: Mapping[str, Any], tenant: Tenant, error: Refused) -> Subject:
    """What it says about deletion cannot be read either, and a row that is kept can be deleted later."""
    resource = parse(without_spec(obj), tenant)
    refusal = outcome_of(resource, error.reason, error.message)
    return Subject(resource=resource, policy=DeletionPolicy.RETAIN, refusal=refusal)
