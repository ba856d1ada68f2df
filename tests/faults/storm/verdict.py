"""Compares the four places that must agree in the end: ledger, API server, registry, Kafka. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from device_registry.domain.model import Key, Kind

from .ledger import Ledger, Wanted, declared
from .streams import Streams

SETTLED = {Kind.DEVICE: ("Ready", "Published"), Kind.TEMPLATE: ("Ready", "Propagated")}
"""Conditions that must be true for the generation."""


@dataclass(frozen=True)
class Snapshot:
    """What the API server and the registry hold at one time.

    Attributes:
        objects: every Device and Template, as the API server shows them.
        rows: every device of the registry: tenant, id, claim_namespace, claim_name, document.
        sequences: how many events each subject has had, by tenant and subject.
        unsent: events that wait in the outbox.
        quarantined: events that were put aside.
    """

    objects: Mapping[Key, Any]
    rows: Sequence[Mapping[str, Any]]
    sequences: Mapping[tuple[str, str], int]
    unsent: int
    quarantined: int


def differences(ledger: Ledger, seen: Snapshot, streams: Streams) -> list[str]:
    """Everything that is not as it must be, in words; empty when all is well."""
    return [
        *ledger.broken,
        *streams.violations,
        *_declared(ledger, seen),
        *_statuses(seen),
        *_rows(seen),
        *_events(seen, streams),
    ]


def _declared(ledger: Ledger, seen: Snapshot) -> Iterator[str]:
    """No acknowledged write is lost, nothing is there that nobody wrote."""
    for key, slot in ledger.slots.items():
        found = seen.objects.get(key)
        state = None if found is None else declared(found)
        if not slot.allows(state):
            yield f"{key} declares {state}, acknowledged was one of {slot.possible}"
        if found is not None and state is None:
            yield f"{key} is still on its way out"
    for key in seen.objects.keys() - ledger.slots.keys():
        yield f"{key} was never asked for"


def _statuses(seen: Snapshot) -> Iterator[str]:
    for key, found in seen.objects.items():
        status, generation = found.get("status") or {}, found["metadata"]["generation"]
        if status.get("observedGeneration") != generation:
            yield f"{key} shows generation {status.get('observedGeneration')} of {generation}"
        conditions = {one["type"]: one for one in status.get("conditions") or ()}
        for name in SETTLED[key.kind]:
            one = conditions.get(name)
            if one is None or one["status"] != "True":
                yield f"{key} has {name} {one and (one['status'], one['reason'], one['message'])}"


def _rows(seen: Snapshot) -> Iterator[str]:
    """Every device has its row, which shows what it and its templates declare; and no other row is there."""
    rows = {(row["claim_namespace"], row["claim_name"]): row for row in seen.rows}
    if len(rows) != len(seen.rows):
        yield "two rows are claimed by one resource"
    devices = {key: found for key, found in seen.objects.items() if key.kind is Kind.DEVICE}
    for place in rows.keys() - {(key.namespace, key.name) for key in devices}:
        yield f"the row of {'/'.join(map(str, place))} has no resource"
    for key, found in devices.items():
        row, wanted = rows.get((key.namespace, key.name)), declared(found)
        if wanted is None:
            continue
        shown = row and _shown(json.loads(row["document"]))
        if shown != (expected := _expected(key, wanted, seen)):
            yield f"the row of {key} shows {shown} instead of {expected}"


def _expected(key: Key, wanted: Wanted, seen: Snapshot) -> dict[str, str]:
    """What the document shows: the first template is `base`, whose attribute every device overrides."""
    sites = {}
    for name in wanted.templates[1:]:
        template = declared(seen.objects[Key(Kind.TEMPLATE, key.namespace, name)])
        sites[f"site-{name}"] = template.value if template else ""
    return {"label": wanted.label, "serial": wanted.value, **sites}


def _shown(document: Mapping[str, Any]) -> dict[str, str]:
    attributes = [one for of_template in document["attrs"].values() for one in of_template]
    static = {one["label"]: one["static_value"] for one in attributes if one["type"] == "static"}
    return {"label": document["label"], **static}


def _events(seen: Snapshot, streams: Streams) -> Iterator[str]:
    """Kafka has every event, and its last word about each device is the row."""
    if seen.unsent:
        yield f"{seen.unsent} events wait to be sent"
    if seen.quarantined:
        yield f"{seen.quarantined} events are put aside"
    heard = streams.sequences()
    for subject in seen.sequences.keys() | heard.keys():
        if seen.sequences.get(subject, 0) != heard.get(subject, 0):
            yield f"{subject}: Kafka has {heard.get(subject, 0)} events of {seen.sequences.get(subject, 0)}"
    told = streams.documents()
    rows = {(row["tenant"], row["id"]): json.loads(row["document"]) for row in seen.rows}
    for device in told.keys() | rows.keys():
        if told.get(device) != rows.get(device):
            yield f"{device}: Kafka shows {told.get(device)}, the registry {rows.get(device)}"
    left = streams.events["create"] - streams.events["remove"]
    if left != len(rows):
        yield f"created minus removed is {left}, the registry has {len(rows)} rows"
