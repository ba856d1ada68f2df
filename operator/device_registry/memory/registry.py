"""The registry in memory (port Registry)."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from device_registry.domain.errors import Fenced
from device_registry.domain.model import Key, Kind, Tenant
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.ports import Holding, Place

from .holdings import holdings
from .outbox import MemoryOutbox
from .tables import Store, Tables, TemplateRef
from .transaction import MemoryTransaction


class MemoryRegistry:
    """See `device_registry.ports.Registry`. Several may share a store, as operators share a database."""

    def __init__(self, store: Store | None = None) -> None:
        self._store = store or Store()
        self._epoch: int | None = None
        self.outbox = MemoryOutbox(self._store, self._leading)

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        with self._leading() as tables:
            yield MemoryTransaction(tables, self._store.next_event)

    @contextmanager
    def _leading(self) -> Iterator[Tables]:
        with self._store.changing() as tables:
            if self._epoch != self._store.epoch:
                raise Fenced
            yield tables

    def lead(self, holder: str) -> int:  # noqa: ARG002 - the name is for people who look into the database
        self._epoch = self._store.advance_epoch()
        return self._epoch

    def unpropagated(self) -> list[TemplateRef]:
        templates = self._store.tables.templates
        return sorted(ref for ref, one in templates.items() if one.propagated_revision < one.revision)

    def outcomes(self, keys: Collection[Key]) -> dict[Key, Outcome]:
        known = self._store.tables.outcomes
        return {key: known[key] for key in keys if key in known}

    def bound_namespaces(self) -> dict[str, Tenant]:
        held = sorted(self._store.tables.tenants.items())
        return {claim.namespace: tenant for tenant, claim in held if claim}

    def holdings(self, kind: Kind, after: Place, limit: int) -> list[Holding]:
        found = sorted(holdings(self._store.tables, kind), key=lambda one: one.key)
        return [one for one in found if (one.key.namespace, one.key.name) > after][:limit]

    def unclaimed(self) -> dict[Kind, int]:
        tables = self._store.tables
        return {
            Kind.DEVICE: sum(not row.claimed for row in tables.devices.values()),
            Kind.TEMPLATE: sum(not row.claimed for row in tables.templates.values()),
        }

    def publication(self, tenant: Tenant, subject: str, sequence: int) -> Reason:
        tables, wanted = self._store.tables, (tenant, subject, sequence)
        for one in tables.outbox.values():
            if (one.event.tenant, one.event.subject, one.sequence) == wanted:
                return _publication(one.id in tables.sent, one.id in tables.quarantined)
        return Reason.ACKNOWLEDGED


def _publication(sent: bool, quarantined: bool) -> Reason:  # noqa: FBT001 - named where it is called
    if quarantined:
        return Reason.QUARANTINED
    return Reason.ACKNOWLEDGED if sent else Reason.PENDING
