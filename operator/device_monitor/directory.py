"""Which topics there are to read: those of the registry's tenants that exist in Kafka.

Tenants come from the registry and not from a pattern over the names of topics: a data broker may name topics
as it likes, a topic that merely ends in the subject is nobody's, and whose data they are is never asked of
the messages themselves.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from device_registry.backoff import Holds
from device_registry.domain.errors import BrokerUnavailable, RegistryError
from device_registry.domain.model import Tenant
from device_registry.domain.reasons import Reason
from device_registry.topics import TopicSource

from .dependencies import Dependencies

log = structlog.get_logger()


_REGISTRY = ""
"""Stands for the registry among the tenants that are left alone for a while."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic to read."""

    tenant: Tenant
    partitions: int


class TenantSource(Protocol):
    """The registry, as far as it is needed here."""

    def tenants(self) -> Collection[Tenant]:
        """Every tenant. Raises RegistryError."""


class Directory:
    """Tenants and the names of their topics, remembered while the registry or a data broker is away."""

    def __init__(self, tenants: TenantSource, topics: TopicSource, dependencies: Dependencies) -> None:
        self._tenants = tenants
        self._topics = topics
        self._dependencies = dependencies
        self._named: dict[Tenant, str] = {}
        """As the source names them."""
        self._names: dict[Tenant, str] = {}
        """As they are read: a former one as long as nobody has made the new one."""
        self._holds = Holds[str]()
        self.known = False
        """Whether anybody has told yet what there is to read."""

    def topics(self, existing: Mapping[str, int]) -> dict[str, Topic]:
        """The topics to read, by name. `existing`: all that Kafka has, with their numbers of partitions."""
        self._refresh()
        for tenant, name in self._named.items():
            if name in existing or tenant not in self._names:
                self._names[tenant] = name
        named = {name: tenant for tenant, name in self._names.items()}
        return {name: Topic(tenant, existing[name]) for name, tenant in named.items() if name in existing}

    def name(self, tenant: Tenant) -> str:
        """The topic of a tenant that `topics` has told of."""
        return self._names[tenant]

    def _refresh(self) -> None:
        if _REGISTRY in self._holds:
            return
        try:
            tenants = self._tenants.tenants()
        except RegistryError as error:
            self._holds.fail(_REGISTRY)
            self._dependencies.is_away(error)
            return
        self._holds.succeed(_REGISTRY)
        self._dependencies.is_back(Reason.REGISTRY_UNAVAILABLE)
        for gone in self._named.keys() - set(tenants):
            del self._named[gone]
            self._names.pop(gone, None)
        for tenant in tenants:
            if tenant not in self._holds:
                self._ask(tenant)
        self.known = self.known or bool(self._named) or not tenants

    def _ask(self, tenant: Tenant) -> None:
        """The source remembers names, and learns when a data broker gives a new one."""
        try:
            self._named[tenant] = self._topics.topic(tenant)
            self._holds.succeed(tenant)
        except BrokerUnavailable as error:
            if self._holds.fail(tenant):
                log.warning("the data of a tenant cannot be found", tenant=tenant, error=error.message)
