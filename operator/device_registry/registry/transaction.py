"""One transaction of the registry's writer (port Transaction), on psycopg2 through SQLAlchemy's pool."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Engine, RowMapping

from device_registry.domain import identity
from device_registry.domain.budget import Departed
from device_registry.domain.events import Event, Recorded
from device_registry.domain.model import DeviceId, DeviceRow, Key, RegisteredTemplate, Tenant, TenantClaim
from device_registry.domain.outcome import Outcome, Usage
from device_registry.key_ports import DeviceRef
from device_registry.ports import Place

from . import rows, sql
from .borders import errors_converted
from .keys import KeyStatements

_SQL = sql.load("queries.sql")


class PostgresTransaction(KeyStatements):
    """See `device_registry.ports.Transaction`, which says what each method promises."""

    # --- templates ---

    def templates(self, places: Collection[Place]) -> dict[Place, RegisteredTemplate]:
        found = self._with_attributes(
            self.execute(
                _SQL.templates_by_place,
                namespaces=[namespace for namespace, _ in places],
                names=[name for _, name in places],
            )
        )
        return {one.claim.place: one for one in found if one.claim}

    def template_at(self, place: Place) -> RegisteredTemplate | None:
        namespace, name = place
        found = self._with_attributes(self.execute(_SQL.template_at_place, namespace=namespace, name=name))
        return found[0] if found else None

    def template(self, tenant: Tenant, template_id: int) -> RegisteredTemplate | None:
        found = self._with_attributes(self.execute(_SQL.template_for_update, tenant=tenant, id=template_id))
        return found[0] if found else None

    def templates_of(self, rows_: Collection[DeviceRow]) -> dict[tuple[Tenant, int], RegisteredTemplate]:
        refs = sorted({(row.tenant, template_id) for row in rows_ for template_id in row.templates})
        found = self._with_attributes(
            self.execute(
                _SQL.templates_by_id,
                tenants=[tenant for tenant, _ in refs],
                ids=[template_id for _, template_id in refs],
            )
        )
        return {(one.tenant, one.id): one for one in found}

    def _with_attributes(self, found: Sequence[RowMapping]) -> list[RegisteredTemplate]:
        if not found:
            return []
        attributes = self.execute(
            _SQL.attributes_of,
            tenants=[row["tenant"] for row in found],
            ids=[row["id"] for row in found],
        )
        order = sorted(attributes, key=_owner)
        groups = {owner: list(group) for owner, group in groupby(order, key=_owner)}
        return [rows.template(row, groups.get((row["tenant"], row["id"]), [])) for row in found]

    def usage(self, tenant: Tenant, template_id: int) -> Usage:
        (row,) = self.execute(_SQL.usage, tenant=tenant, id=template_id)
        return Usage(total=row["total"], current=row["current"], stale=row["stale"])

    def users(self, tenant: Tenant, template_id: int, limit: int | None = None) -> list[DeviceId]:
        found = self.execute(_SQL.users, tenant=tenant, id=template_id, limit=limit)
        return [DeviceId(row["device_id"]) for row in found]

    def save_template(self, template: RegisteredTemplate) -> None:
        self.execute(_SQL.save_template, **rows.template_columns(template))
        self.execute(_SQL.clear_attributes, tenant=template.tenant, id=template.id)
        self.execute(
            _SQL.save_attributes,
            tenant=template.tenant,
            template=template.id,
            **rows.attribute_columns(template),
        )
        self.execute(_SQL.seal_template, tenant=template.tenant, id=template.id)

    def remove_template(self, tenant: Tenant, template_id: int) -> None:
        self.execute(_SQL.remove_template, tenant=tenant, id=template_id)

    def mark_propagated(self, template: RegisteredTemplate) -> None:
        self.execute(_SQL.mark_propagated, tenant=template.tenant, id=template.id, revision=template.revision)
        self.execute(_SQL.notify_outcome)

    # --- tenants and ids ---

    def tenant_claim(self, tenant: Tenant) -> TenantClaim | None:
        found = self.execute(_SQL.tenant_claim, tenant=tenant)
        if not found:
            self.execute(_SQL.make_tenant, tenant=tenant)
            found = self.execute(_SQL.tenant_claim, tenant=tenant)
        return rows.tenant_claim(found[0])

    def bind_tenant(
        self, tenant: Tenant, namespace: str, *, explicit: bool = False, since: datetime | None = None
    ) -> None:
        self.execute(_SQL.bind_tenant, tenant=tenant, namespace=namespace, explicit=explicit, since=since)

    def unbind_tenant(self, tenant: Tenant) -> None:
        self.execute(_SQL.unbind_tenant, tenant=tenant)

    def tenants_of(self, namespace: str) -> list[Tenant]:
        return [Tenant(row["name"]) for row in self.execute(_SQL.tenants_of, namespace=namespace)]

    def has_claimed(self, tenant: Tenant, namespace: str) -> bool:
        (row,) = self.execute(_SQL.has_claimed, tenant=tenant, namespace=namespace)
        return bool(row["claimed"])

    def resources(self, tenant: Tenant, namespace: str) -> list[Key]:
        return [rows.key(row) for row in self.execute(_SQL.resources, tenant=tenant, namespace=namespace)]

    def next_template_id(self, tenant: Tenant) -> int:
        (row,) = self.execute(_SQL.next_template_id, tenant=tenant)
        return int(row["id"])

    def next_attribute_ids(self, tenant: Tenant, count: int) -> list[int]:
        if not count:
            return []
        (row,) = self.execute(_SQL.next_attribute_ids, tenant=tenant, count=count)
        return list(range(row["first"], row["first"] + count))

    def pinned(self, tenant: Tenant, template_id: int | None, attribute_ids: Collection[int]) -> None:
        template, attribute = identity.highest([template_id or 0]), identity.highest(attribute_ids)
        if template or attribute:
            self.execute(_SQL.note_pins, tenant=tenant, template=template, attribute=attribute)

    def attribute_owners(self, tenant: Tenant, attribute_ids: Collection[int]) -> dict[int, int]:
        if not attribute_ids:
            return {}
        found = self.execute(_SQL.attribute_owners, tenant=tenant, ids=list(attribute_ids))
        return {row["id"]: row["template_id"] for row in found}

    # --- devices ---

    def devices(self, refs: Collection[DeviceRef], places: Collection[Place]) -> Sequence[DeviceRow]:
        return self._read(
            self.execute(
                _SQL.lock_devices,
                **_refs(refs),
                namespaces=[namespace for namespace, _ in places],
                names=[name for _, name in places],
            )
        )

    def stale_devices(self, template: RegisteredTemplate, limit: int) -> Sequence[DeviceRow]:
        return self._read(
            self.execute(
                _SQL.lock_stale_devices,
                tenant=template.tenant,
                template=template.id,
                revision=template.revision,
                limit=limit,
            )
        )

    def _read(self, locked: Sequence[RowMapping]) -> list[DeviceRow]:
        """Whole rows; only a statement begun under the locks sees a row and its templates as of one time."""
        if not locked:
            return []
        refs = _refs([(row["tenant"], row["id"]) for row in locked])
        return [rows.device(row) for row in self.execute(_SQL.devices, **refs)]

    def save_devices(self, rows_: Sequence[DeviceRow]) -> None:
        if not rows_:
            return
        ordered = sorted(rows_, key=lambda row: (row.tenant, row.id))
        columns = rows.device_columns(ordered)
        self.execute(
            _SQL.yield_claims,
            **_refs([(row.tenant, row.id) for row in ordered]),
            namespaces=columns["claim_namespace"],
            names=columns["claim_name"],
        )
        self.execute(_SQL.save_devices, **columns)
        self._save_device_templates(ordered)

    def _save_device_templates(self, ordered: Sequence[DeviceRow]) -> None:
        self.execute(
            _SQL.drop_device_templates,
            tenants=[row.tenant for row in ordered],
            devices=[row.id for row in ordered],
            templates=[",".join(map(str, row.templates)) for row in ordered],
        )
        self.execute(_SQL.save_device_templates, **rows.device_template_columns(ordered))

    def mark_tried(self, template: RegisteredTemplate, rows_: Collection[DeviceRow]) -> None:
        self.execute(
            _SQL.mark_tried,
            tenant=template.tenant,
            template=template.id,
            revision=template.revision,
            devices=[row.id for row in rows_],
        )

    def remove_devices(self, refs: Collection[DeviceRef]) -> None:
        if refs:
            self.execute(_SQL.remove_devices, **_refs(sorted(refs)))

    def departed(self, tenant: Tenant, since: datetime) -> Departed:
        (row,) = self.execute(_SQL.departed, tenant=tenant, since=since)
        return Departed(left=row["left"], rows=row["rows"], held=row["held"])

    def note_departures(self, tenants: Sequence[Tenant], now: datetime, before: datetime) -> None:
        self.execute(_SQL.prune_departures, before=before)
        self.execute(_SQL.note_departures, tenants=list(tenants), now=now)

    # --- events and outcomes ---

    def append(self, events: Sequence[Event]) -> list[Recorded]:
        if not events:
            return []
        sequences = self._sequences(events)
        found = self.execute(_SQL.append_events, **rows.event_columns(events, sequences))
        ids = {(row["tenant"], row["subject"], row["sequence"]): row["id"] for row in found}
        self.execute(_SQL.notify_outbox)
        return [
            Recorded(id=ids[event.tenant, event.subject, sequence], sequence=sequence, event=event)
            for event, sequence in zip(events, sequences, strict=True)
        ]

    def _sequences(self, events: Sequence[Event]) -> list[int]:
        """Reserve as many numbers of each stream as it has events here, and deal them out in order."""
        counts = Counter((event.tenant, event.subject) for event in events)
        found = self.execute(
            _SQL.advance_streams,
            tenants=[tenant for tenant, _ in counts],
            subjects=[subject for _, subject in counts],
            counts=list(counts.values()),
        )
        last = {(row["tenant"], row["subject"]): row["sequence"] for row in found}
        following = {
            stream: iter(range(last[stream] - counts[stream] + 1, last[stream] + 1)) for stream in last
        }
        return [next(following[event.tenant, event.subject]) for event in events]

    def record(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            in_order = sorted(outcomes, key=lambda outcome: outcome.key)
            self.execute(_SQL.record_outcomes, **rows.outcome_columns(in_order))
            self.execute(_SQL.notify_outcome)

    def outcomes(self, keys: Collection[Key]) -> dict[Key, Outcome]:
        found = [rows.outcome(row) for row in self.execute(_SQL.outcomes, **rows.key_columns(keys))]
        return {outcome.key: outcome for outcome in found}

    def forget(self, keys: Collection[Key]) -> None:
        if keys:
            self.execute(_SQL.forget_outcomes, **rows.key_columns(keys))
            self.execute(_SQL.notify_outcome)

    def note_released(self, uids: Collection[str], now: datetime, before: datetime) -> None:
        if uids:
            self.execute(_SQL.prune_released, before=before)
            self.execute(_SQL.note_released, uids=sorted(uids), now=now)

    def released(self, uids: Collection[str]) -> set[str]:
        return {row["uid"] for row in self.execute(_SQL.released, uids=list(uids))} if uids else set()

    def losers(self, refs: Collection[DeviceRef]) -> list[Key]:
        return [rows.key(row) for row in self.execute(_SQL.losers, **_refs(refs))] if refs else []

    def blocked(self, templates: Collection[tuple[Tenant, int]]) -> list[Key]:
        refs = [(tenant, str(template_id)) for tenant, template_id in templates]
        return [rows.key(row) for row in self.execute(_SQL.blocked, **_refs(refs))] if refs else []


def _refs(refs: Collection[tuple[Tenant, str]]) -> dict[str, list[str]]:
    return {"tenants": [tenant for tenant, _ in refs], "ids": [device_id for _, device_id in refs]}


def _owner(attribute: RowMapping) -> tuple[str, int]:
    return (attribute["tenant"], attribute["template_id"])


def read(engine: Engine, statement: str, **parameters: Any) -> Sequence[RowMapping]:
    """One statement in a transaction of its own, without the leader's check."""
    with errors_converted(), engine.begin() as connection:
        return PostgresTransaction(connection).execute(statement, **parameters)
