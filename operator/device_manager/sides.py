"""Puts together what cluster and registry know about each resource, for `drift`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from device_registry.domain.errors import Refused
from device_registry.domain.model import DeviceRow, Key, Kind, Tenant
from device_registry.manifests import key_of, parse
from device_registry.registry.overview import Scope, Snapshot
from device_registry.registry.writer import PostgresRegistry

from .cluster import People
from .comparison import AnyResource, Found, Row
from .registry import Registry
from .scope import objects_in, tenants_by_namespace
from .standing import Standing, standing

_PAGE = 2000


@dataclass(kw_only=True)
class Declared:
    """The resources of a scope, and where they stand."""

    tenants: Mapping[str, Tenant]
    resources: dict[Key, AnyResource] = field(default_factory=dict)
    standings: dict[Key, Standing] = field(default_factory=dict)
    problems: dict[Key, str] = field(default_factory=dict)
    """Resources that cannot be read."""

    def add(self, obj: Mapping[str, Any]) -> None:
        """Note one object."""
        key = key_of(obj)
        self.standings[key] = standing(obj)
        try:
            self.resources[key] = parse(obj, self.tenants[key.namespace])
        except Refused as error:
            self.problems[key] = error.message


async def declared(people: People, scope: Scope) -> Declared:
    """Read the resources of a scope."""
    found = Declared(tenants=await tenants_by_namespace(people))
    for kind in Kind:
        async for obj in objects_in(people, kind, scope, found.tenants):
            found.add(obj)
    return found


def damaged_templates(registry: Registry) -> set[Key]:
    """The templates whose rows were changed by hand."""
    writer, after, damaged = PostgresRegistry(registry.engine), ("", ""), set[Key]()
    while page := writer.holdings(Kind.TEMPLATE, after, _PAGE):
        damaged |= {one.key for one in page if not one.intact}
        after = (page[-1].key.namespace, page[-1].key.name)
    return damaged


def paired(declared: Declared, snapshot: Snapshot, damaged: set[Key]) -> list[Found]:
    """Resources and rows side by side, templates before devices; rows that are for nobody come last."""
    rows = {key: row for row in _rows(snapshot) if (key := _key(row))}
    keys = sorted({*declared.standings, *rows}, key=lambda key: (key.kind is Kind.DEVICE, key))
    found = [_found(declared, snapshot, rows.get(key), key, damaged) for key in keys]
    nobodys = [row for row in _rows(snapshot) if row.claim is None]
    return [*found, *(_found(declared, snapshot, row, None, damaged) for row in nobodys)]


def _rows(snapshot: Snapshot) -> Iterator[Row]:
    yield from snapshot.templates
    yield from snapshot.devices


def _key(row: Row) -> Key | None:
    kind = Kind.DEVICE if isinstance(row, DeviceRow) else Kind.TEMPLATE
    return Key(kind, *row.claim.place) if row.claim else None


def _found(
    declared: Declared, snapshot: Snapshot, row: Row | None, key: Key | None, damaged: set[Key]
) -> Found:
    is_device = isinstance(row, DeviceRow) or (key is not None and key.kind is Kind.DEVICE)
    tenant = row.tenant if row else declared.tenants[key.namespace] if key else Tenant("")
    subject = str(row.id) if isinstance(row, DeviceRow) else f"template/{row.id}" if row else ""
    return Found(
        kind=Kind.DEVICE if is_device else Kind.TEMPLATE,
        tenant=tenant,
        key=key,
        resource=declared.resources.get(key) if key else None,
        standing=declared.standings.get(key) if key else None,
        problem=declared.problems.get(key, "") if key else "",
        row=row,
        intact=row.intact if isinstance(row, DeviceRow) else key not in damaged,
        publication=snapshot.publications.get((tenant, subject)),
        behind=_behind(row, snapshot) if isinstance(row, DeviceRow) else (),
    )


def _behind(row: DeviceRow, snapshot: Snapshot) -> tuple[str, ...]:
    """Templates of which the row shows an older revision."""
    current = {
        one.id: one for one in snapshot.templates if one.tenant == row.tenant and one.id in row.templates
    }
    return tuple(one.name for one in current.values() if row.templates[one.id] < one.revision)
