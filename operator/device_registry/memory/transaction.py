"""One transaction of the registry in memory (port Transaction)."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from device_registry.domain import identity
from device_registry.domain.budget import Departed
from device_registry.domain.events import Event, Recorded
from device_registry.domain.model import DeviceId, DeviceRow, Key, RegisteredTemplate, Tenant, TenantClaim
from device_registry.domain.outcome import Outcome, Usage
from device_registry.domain.reasons import Reason
from device_registry.key_ports import DeviceRef
from device_registry.ports import Place

from .keys import MemoryKeys
from .tables import Tables, TemplateRef, attribute_ids, entries, require, require_text

_Row = TypeVar("_Row", DeviceRow, RegisteredTemplate)


class MemoryTransaction(MemoryKeys):
    """See `device_registry.ports.Transaction`; the registry lets one in at a time."""

    def __init__(self, tables: Tables, next_event: Callable[[], int]) -> None:
        super().__init__(tables)
        self._next_event = next_event

    # --- templates ---

    def templates(self, places: Collection[Place]) -> dict[Place, RegisteredTemplate]:
        found = {place: self.template_at(place) for place in places}
        return {place: template for place, template in found.items() if template}

    def template_at(self, place: Place) -> RegisteredTemplate | None:
        return next(_at({place}, self._tables.templates.values()), None)

    def template(self, tenant: Tenant, template_id: int) -> RegisteredTemplate | None:
        return self._tables.templates.get((tenant, template_id))

    def templates_of(self, rows: Collection[DeviceRow]) -> dict[TemplateRef, RegisteredTemplate]:
        refs = {(row.tenant, template_id) for row in rows for template_id in row.templates}
        return {ref: self._tables.templates[ref] for ref in refs}

    def usage(self, tenant: Tenant, template_id: int) -> Usage:
        template = self.template(tenant, template_id)
        rows = self._users(tenant, template_id)
        return Usage(
            total=len(rows),
            current=sum(
                template is not None and row.templates[template_id] == template.revision for row in rows
            ),
            stale=sum(template is not None and self._is_stale(row, template) for row in rows),
        )

    def users(self, tenant: Tenant, template_id: int, limit: int | None = None) -> list[DeviceId]:
        return [row.id for row in self._users(tenant, template_id)][:limit]

    def _users(self, tenant: Tenant, template_id: int) -> list[DeviceRow]:
        rows = self._tables.devices.values()
        return sorted(
            (row for row in rows if row.tenant == tenant and template_id in row.templates),
            key=lambda row: row.id,
        )

    def save_template(self, template: RegisteredTemplate) -> None:
        require_text(template.label)
        for one in entries(template):
            require_text(one.label, one.type, one.value_type, one.static_value or "")
        self._check_references(template)
        former = self._tables.templates.get((template.tenant, template.id))
        propagated = former.propagated_revision if former else 0
        self._tables.templates[template.tenant, template.id] = replace(
            template, propagated_revision=propagated
        )

    def _check_references(self, template: RegisteredTemplate) -> None:
        ids = Counter(attribute_ids(template))
        require(max(ids.values(), default=1) == 1, "an attribute id stands twice")
        require(template.tenant in self._tables.tenants, "the tenant does not exist")
        owners = self.attribute_owners(template.tenant, list(ids))
        require(set(owners.values()) <= {template.id}, "an attribute id belongs to another template")
        holder = self.template_at(template.claim.place) if template.claim else None
        require(holder is None or holder.id == template.id, "the resource holds another template")

    def remove_template(self, tenant: Tenant, template_id: int) -> None:
        require(not self._users(tenant, template_id), "devices use the template")
        self._tables.templates.pop((tenant, template_id), None)

    def mark_propagated(self, template: RegisteredTemplate) -> None:
        ref = (template.tenant, template.id)
        stored = self._tables.templates[ref]
        self._tables.templates[ref] = replace(stored, propagated_revision=template.revision)

    # --- tenants and ids ---

    def tenant_claim(self, tenant: Tenant) -> TenantClaim | None:
        return self._tables.tenants.setdefault(tenant, None)

    def bind_tenant(
        self, tenant: Tenant, namespace: str, *, explicit: bool = False, since: datetime | None = None
    ) -> None:
        claim = TenantClaim(namespace=namespace, explicit=explicit, since=since)
        self._tables.tenants[tenant] = claim

    def unbind_tenant(self, tenant: Tenant) -> None:
        self._tables.tenants[tenant] = None

    def tenants_of(self, namespace: str) -> list[Tenant]:
        held = self._tables.tenants.items()
        return sorted(tenant for tenant, claim in held if claim and claim.namespace == namespace)

    def has_claimed(self, tenant: Tenant, namespace: str) -> bool:
        rows: list[DeviceRow | RegisteredTemplate] = [*self._tables.devices.values()]
        rows += self._tables.templates.values()
        claims = (row.claim for row in rows if row.tenant == tenant and row.claimed)
        return any(claim and claim.namespace == namespace for claim in claims)

    def resources(self, tenant: Tenant, namespace: str) -> list[Key]:
        decided = self._tables.outcomes.values()
        return sorted(one.key for one in decided if (one.tenant, one.key.namespace) == (tenant, namespace))

    def next_template_id(self, tenant: Tenant) -> int:
        self._tables.last_template[tenant] += 1
        return self._tables.last_template[tenant]

    def next_attribute_ids(self, tenant: Tenant, count: int) -> list[int]:
        first = self._tables.last_attribute[tenant] + 1
        self._tables.last_attribute[tenant] += count
        return list(range(first, first + count))

    def pinned(self, tenant: Tenant, template_id: int | None, pins: Collection[int]) -> None:
        templates, attributes = self._tables.last_template, self._tables.last_attribute
        templates[tenant] = max(templates[tenant], identity.highest([template_id or 0]))
        attributes[tenant] = max(attributes[tenant], identity.highest(pins))

    def attribute_owners(self, tenant: Tenant, wanted: Collection[int]) -> dict[int, int]:
        templates = (one for one in self._tables.templates.values() if one.tenant == tenant)
        return {one: owner.id for owner in templates for one in attribute_ids(owner) if one in wanted}

    # --- devices ---

    def devices(self, refs: Collection[DeviceRef], places: Collection[Place]) -> Sequence[DeviceRow]:
        found = {(row.tenant, row.id): row for row in _at(places, self._tables.devices.values())}
        found |= {ref: self._tables.devices[ref] for ref in refs if ref in self._tables.devices}
        return [found[ref] for ref in sorted(found)]

    def stale_devices(self, template: RegisteredTemplate, limit: int) -> Sequence[DeviceRow]:
        users = self._users(template.tenant, template.id)
        return [row for row in users if self._is_stale(row, template)][:limit]

    def _is_stale(self, row: DeviceRow, template: RegisteredTemplate) -> bool:
        tried = self._tables.tried.get(((row.tenant, row.id), template.id), 0)
        return max(tried, row.templates[template.id]) < template.revision

    def save_devices(self, rows: Sequence[DeviceRow]) -> None:
        for row in rows:
            require_text(row.spec.label, *row.document.terms)
            require(row.tenant in self._tables.tenants, "the tenant does not exist")
            known = ((row.tenant, one) in self._tables.templates for one in row.templates)
            require(all(known), "a template does not exist")
        self._yield_claims(rows)
        for row in rows:
            self._tables.devices[row.tenant, row.id] = row
            self._forget_tries((row.tenant, row.id))

    def _yield_claims(self, rows: Sequence[DeviceRow]) -> None:
        """Rows whose resource takes another row stay behind without a claim."""
        for holder in list(
            _at([row.claim.place for row in rows if row.claim], self._tables.devices.values())
        ):
            self._tables.devices[holder.tenant, holder.id] = replace(holder, claim=None)

    def _forget_tries(self, ref: DeviceRef) -> None:
        for tried in [one for one in self._tables.tried if one[0] == ref]:
            del self._tables.tried[tried]

    def mark_tried(self, template: RegisteredTemplate, rows: Collection[DeviceRow]) -> None:
        for row in rows:
            self._tables.tried[(row.tenant, row.id), template.id] = template.revision

    def remove_devices(self, refs: Collection[DeviceRef]) -> None:
        for ref in refs:
            self._tables.devices.pop(ref, None)
            self.drop_keys(ref, list(self.keys([ref]).get(ref, ())))
            self._forget_tries(ref)

    def departed(self, tenant: Tenant, since: datetime) -> Departed:
        outcomes = (one for one in self._tables.outcomes.values() if one.tenant == tenant)
        return Departed(
            left=sum(who == tenant and when > since for who, when in self._tables.departures),
            rows=sum(row.tenant == tenant for row in self._tables.devices.values()),
            held=sum(one.reason is Reason.DELETION_HELD for one in outcomes),
        )

    def note_departures(self, tenants: Sequence[Tenant], now: datetime, before: datetime) -> None:
        kept = [(who, when) for who, when in self._tables.departures if when > before]
        self._tables.departures = [*kept, *((tenant, now) for tenant in tenants)]

    # --- events and outcomes ---

    def append(self, events: Sequence[Event]) -> list[Recorded]:
        return [self._append(event) for event in events]

    def _append(self, event: Event) -> Recorded:
        stream = (event.tenant, event.subject)
        self._tables.streams[stream] += 1
        recorded = Recorded(id=self._next_event(), sequence=self._tables.streams[stream], event=event)
        self._tables.outbox[recorded.id] = recorded
        return recorded

    def record(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            require_text(outcome.message, outcome.target, outcome.wanted)
            former = self._tables.outcomes.get(outcome.key)
            if not former or former.uid != outcome.uid or former.generation <= outcome.generation:
                self._tables.outcomes[outcome.key] = outcome

    def outcomes(self, keys: Collection[Key]) -> dict[Key, Outcome]:
        return {key: self._tables.outcomes[key] for key in keys if key in self._tables.outcomes}

    def forget(self, keys: Collection[Key]) -> None:
        for key in keys:
            self._tables.outcomes.pop(key, None)

    def note_released(self, uids: Collection[str], now: datetime, before: datetime) -> None:
        if uids:
            kept = {uid: when for uid, when in self._tables.released.items() if when > before}
            self._tables.released = kept | dict.fromkeys(uids, now)

    def released(self, uids: Collection[str]) -> set[str]:
        return set(uids) & self._tables.released.keys()

    def losers(self, refs: Collection[DeviceRef]) -> list[Key]:
        outcomes = self._tables.outcomes.values()
        return [one.key for one in outcomes if one.wanted and (one.tenant, one.wanted) in refs]

    def blocked(self, templates: Collection[TemplateRef]) -> list[Key]:
        targets = {(tenant, str(template_id)) for tenant, template_id in templates}
        waiting = (one for one in self._tables.outcomes.values() if one.reason is Reason.IN_USE)
        return [one.key for one in waiting if (one.tenant, one.target) in targets]


def _at(places: Collection[Place], rows: Iterable[_Row]) -> Iterator[_Row]:
    return (row for row in rows if row.claim and row.claim.place in places)
