"""What the registry in memory knows about resources, as a sweep compares it."""

from collections.abc import Iterator, Mapping

from device_registry.domain.model import DeviceRow, Key, Kind, RegisteredTemplate
from device_registry.ports import Holding

from .tables import Tables


def holdings(tables: Tables, kind: Kind) -> Iterator[Holding]:
    """Claims and decisions of a kind side by side, in no order."""
    claims = _claims(tables, kind)
    decided = {key for key in tables.outcomes if key.kind is kind}
    for key in claims.keys() | decided:
        yield _holding(tables, key, claims.get(key))


def _claims(tables: Tables, kind: Kind) -> Mapping[Key, DeviceRow | RegisteredTemplate]:
    rows = tables.devices.values() if kind is Kind.DEVICE else tables.templates.values()
    return {Key(kind, *row.claim.place): row for row in rows if row.claim and row.claimed}


def _holding(tables: Tables, key: Key, row: DeviceRow | RegisteredTemplate | None) -> Holding:
    outcome = tables.outcomes.get(key)
    return Holding(
        key=key,
        row=str(row.id) if row else "",
        row_uid=row.claim.uid if row and row.claim else "",
        intact=row.intact if isinstance(row, DeviceRow) else True,
        uid=outcome.uid if outcome else "",
        generation=outcome.generation if outcome else 0,
        registered=outcome is not None and outcome.registered,
    )
