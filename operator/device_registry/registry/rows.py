"""Rows of the database to values and back; only this package knows columns."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from device_registry.dispatch import Quarantined
from device_registry.domain.events import Event, EventType, Recorded
from device_registry.domain.model import (
    Claim,
    DeviceId,
    DeviceRow,
    DeviceSpec,
    Document,
    Key,
    Kind,
    RegisteredAttribute,
    RegisteredMetadata,
    RegisteredTemplate,
    Tenant,
    TenantClaim,
)
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.domain.rendering import to_json
from device_registry.manifests import device_spec, parse_device_spec
from device_registry.ports import Holding

Row = Mapping[Any, Any]
"""A row as any of the drivers gives it."""

Columns = dict[str, list[Any]]
"""A batch of rows as the arrays that a statement unnests."""


def array_literal(texts: Iterable[str]) -> str:
    """A Postgres array as text: arrays of different lengths do not fit into one two-dimensional array."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"


# --- claims -----------------------------------------------------------------------------------------


def _claim(row: Row) -> Claim | None:
    if row["claim_name"] is None:
        return None
    return Claim(
        namespace=row["claim_namespace"],
        name=row["claim_name"],
        uid=row["claim_uid"],
        created=row["claim_created"],
    )


def _claim_columns(claim: Claim | None) -> dict[str, Any]:
    return {
        "claim_namespace": claim.namespace if claim else None,
        "claim_name": claim.name if claim else None,
        "claim_uid": claim.uid if claim else None,
        "claim_created": claim.created if claim else None,
    }


# --- templates --------------------------------------------------------------------------------------


def template(row: Row, attributes: Sequence[Row]) -> RegisteredTemplate:
    """A template from its row and the rows of its attributes and their metadata, in order."""
    return RegisteredTemplate(
        tenant=Tenant(row["tenant"]),
        id=row["id"],
        label=row["label"],
        revision=row["revision"],
        propagated_revision=row["propagated_revision"],
        created=row["created"],
        updated=row["updated"],
        attributes=tuple(_attribute(one, attributes) for one in attributes if one["parent_id"] is None),
        claim=_claim(row),
        generation=row["generation"],
        unclaimed_since=row["unclaimed_since"],
        terminating=row["terminating"],
        announce=row["announce"],
        announced_revision=row["announced_revision"],
    )


def _attribute(row: Row, rows: Sequence[Row]) -> RegisteredAttribute:
    entries = tuple(RegisteredMetadata(**_entry(one)) for one in rows if one["parent_id"] == row["id"])
    return RegisteredAttribute(**_entry(row), metadata=entries)


def _entry(row: Row) -> dict[str, Any]:
    names = ("id", "label", "type", "value_type", "static_value", "created", "updated")
    return {name: row[name] for name in names}


def template_columns(template: RegisteredTemplate) -> dict[str, Any]:
    """A template's own row."""
    return {
        "tenant": template.tenant,
        "id": template.id,
        "label": template.label,
        "revision": template.revision,
        "created": template.created,
        "updated": template.updated,
        "generation": template.generation,
        "unclaimed_since": template.unclaimed_since,
        "terminating": template.terminating,
        "announce": template.announce,
        "announced_revision": template.announced_revision,
        **_claim_columns(template.claim),
    }


def attribute_columns(template: RegisteredTemplate) -> Columns:
    """The rows of a template's attributes and metadata, in the order of the document."""
    entries: list[tuple[RegisteredAttribute | RegisteredMetadata, int | None]] = []
    for attribute in template.attributes:
        entries.append((attribute, None))
        entries.extend((entry, attribute.id) for entry in attribute.metadata)
    return {
        "ids": [entry.id for entry, _ in entries],
        "parents": [parent for _, parent in entries],
        "positions": list(range(len(entries))),
        "labels": [entry.label for entry, _ in entries],
        "types": [entry.type for entry, _ in entries],
        "value_types": [entry.value_type for entry, _ in entries],
        "static_values": [entry.static_value for entry, _ in entries],
        "created": [entry.created for entry, _ in entries],
        "updated": [entry.updated for entry, _ in entries],
    }


# --- devices ----------------------------------------------------------------------------------------


def device(row: Row) -> DeviceRow:
    """A device from its row and the templates that it was rendered with."""
    spec = device_spec_of(row["spec"])
    return DeviceRow(
        tenant=Tenant(row["tenant"]),
        id=DeviceId(row["id"]),
        spec=spec or DeviceSpec(label=row["label"]),
        intact=row["intact"] and spec is not None,
        document=Document(body=row["document"], hash=row["hash"], terms=tuple(row["terms"])),
        templates=dict(zip(row["template_ids"] or (), row["template_revisions"] or (), strict=True)),
        revision=row["revision"],
        created=row["created"],
        updated=row["updated"],
        claim=_claim(row),
        generation=row["generation"],
        unclaimed_since=row["unclaimed_since"],
    )


def device_spec_of(stored: str) -> DeviceSpec | None:
    """What was registered; None when somebody has written there what is no spec."""
    try:
        return parse_device_spec(json.loads(stored), "")
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def device_columns(rows: Sequence[DeviceRow]) -> Columns:
    """Device rows as arrays, one for each column."""
    return _columns(_device_column_values(row) for row in rows)


def _device_column_values(row: DeviceRow) -> dict[str, Any]:
    return {
        "tenant": row.tenant,
        "id": row.id,
        "label": row.spec.label,
        "spec": to_json(device_spec(row.spec)),
        "document": row.document.body,
        "hash": row.document.hash,
        "terms": array_literal(row.document.terms),
        "intact": row.intact,
        "revision": row.revision,
        "created": row.created,
        "updated": row.updated,
        "generation": row.generation,
        "unclaimed_since": row.unclaimed_since,
        **_claim_columns(row.claim),
    }


def device_template_columns(rows: Sequence[DeviceRow]) -> Columns:
    """Which templates the rows were rendered with, as arrays."""
    names = ("tenants", "devices", "templates", "positions", "revisions")
    entries = [
        (row.tenant, row.id, template_id, position, revision)
        for row in rows
        for position, (template_id, revision) in enumerate(row.templates.items())
    ]
    return {name: [entry[index] for entry in entries] for index, name in enumerate(names)}


# --- events and outcomes ----------------------------------------------------------------------------


def event_columns(events: Sequence[Event], sequences: Sequence[int]) -> Columns:
    """Events with their sequences as arrays."""
    return {
        "tenants": [event.tenant for event in events],
        "subjects": [event.subject for event in events],
        "sequences": list(sequences),
        "types": [str(event.type) for event in events],
        "payloads": [event.payload for event in events],
        "created": [event.created for event in events],
        "revisions": [event.revision for event in events],
        "generations": [event.generation for event in events],
        "uids": [event.uid for event in events],
        "writers": [event.writer for event in events],
        "requests": [event.request for event in events],
    }


def recorded(row: Row) -> Recorded:
    """An event from its row in the outbox."""
    event = Event(
        tenant=Tenant(row["tenant"]),
        subject=row["subject"],
        type=EventType(row["type"]),
        payload=row["payload"],
        created=row["created"],
        revision=row["revision"],
        generation=row["generation"],
        uid=row["uid"],
        writer=row["writer"],
        request=row["request"],
    )
    return Recorded(id=row["id"], sequence=row["sequence"], event=event)


def quarantined(row: Row) -> Quarantined:
    """An event in quarantine from its row in the outbox."""
    return Quarantined(
        recorded=recorded(row),
        since=row["quarantined"],
        error=row["error"] or "",
        retrying=row["retrying"],
        overtaken=row["overtaken"],
    )


def outcome_columns(outcomes: Sequence[Outcome]) -> Columns:
    """Outcomes as arrays."""
    return {
        **key_columns([one.key for one in outcomes]),
        "tenants": [one.tenant for one in outcomes],
        "uids": [one.uid for one in outcomes],
        "generations": [one.generation for one in outcomes],
        "reasons": [str(one.reason) for one in outcomes],
        "messages": [one.message for one in outcomes],
        "targets": [one.target for one in outcomes],
        "wanted": [one.wanted for one in outcomes],
        "revisions": [one.revision for one in outcomes],
        "sequences": [one.sequence for one in outcomes],
        "templates": [to_json(one.templates) for one in outcomes],
        "unused": [to_json(one.unused) for one in outcomes],
        "keys": [one.keys or "" for one in outcomes],
        "keys_messages": [one.keys_message for one in outcomes],
    }


def outcome(row: Row) -> Outcome:
    """An outcome from its row."""
    return Outcome(
        key=key(row),
        tenant=Tenant(row["tenant"]),
        uid=row["uid"],
        generation=row["generation"],
        reason=Reason(row["reason"]),
        message=row["message"],
        target=row["target"],
        wanted=row["wanted"],
        revision=row["revision"],
        sequence=row["sequence"],
        templates=tuple(json.loads(row["templates"])),
        unused=tuple(json.loads(row["unused"])),
        keys=Reason(row["keys"]) if row["keys"] else None,
        keys_message=row["keys_message"],
    )


def tenant_claim(row: Row) -> TenantClaim | None:
    """Who stands for a tenant, from the tenant's row."""
    if row["namespace"] is None:
        return None
    return TenantClaim(namespace=row["namespace"], explicit=row["explicit"], since=row["bound"])


def holding(kind: Kind, row: Row) -> Holding:
    """A claim and a decision side by side, either of which may be missing."""
    return Holding(
        key=Key(kind, row["namespace"], row["name"]),
        row=row["row"] or "",
        row_uid=row["row_uid"] or "",
        intact=row["intact"] is not False,
        uid=row["uid"] or "",
        generation=row["generation"] or 0,
        registered=row["reason"] == Reason.REGISTERED,
    )


def key(row: Row) -> Key:
    """The resource that a row speaks of."""
    return Key(Kind(row["kind"]), row["namespace"], row["name"])


def key_columns(keys: Iterable[Key]) -> Columns:
    """Keys as arrays."""
    listed = list(keys)
    return {
        "kinds": [str(one.kind) for one in listed],
        "namespaces": [one.namespace for one in listed],
        "names": [one.name for one in listed],
    }


def _columns(rows: Iterable[Mapping[str, Any]]) -> Columns:
    listed = list(rows)
    return {name: [row[name] for row in listed] for name in listed[0]}
