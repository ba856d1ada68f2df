"""The registry as people look at it with `device-manager`: figures, unclaimed rows, everything in order.

Nothing here locks or writes. Reads that belong together (`snapshot`) see the registry as of one moment.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, RowMapping

from device_registry.domain.model import DeviceRow, Kind, RegisteredTemplate, Tenant

from . import rows, sql
from .borders import errors_converted
from .transaction import PostgresTransaction

_SQL = sql.load("overview.sql")
_WRITER = sql.load("queries.sql")
_PAGE = 1000
"""Whole rows in one read: a few megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What somebody asks for: rows of these tenants and rows claimed from these namespaces.

    With neither, everything.
    """

    tenants: frozenset[Tenant] = frozenset()
    namespaces: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether everything is asked for."""
        return not self.tenants and not self.namespaces

    def covers(self, tenant: Tenant, namespace: str) -> bool:
        """Whether a resource of that namespace, which stands for that tenant, is asked for."""
        return self.whole or tenant in self.tenants or namespace in self.namespaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """The operator that may write."""

    holder: str
    epoch: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Events of a tenant that are not in Kafka."""

    tenant: Tenant
    waiting: int
    quarantined: int
    age: float
    """Seconds since the oldest waiting one was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantFigures:
    """How many rows a tenant has, and how many of them no resource stands behind."""

    tenant: Tenant
    namespace: str
    """The namespace that stands for it; empty when none does."""
    devices: int
    unclaimed_devices: int
    templates: int
    unclaimed_templates: int

    @property
    def unclaimed(self) -> int:
        """Rows of both kinds."""
        return self.unclaimed_devices + self.unclaimed_templates


@dataclass(frozen=True, slots=True, kw_only=True)
class UnclaimedRow:
    """A row that no resource stands behind."""

    kind: Kind
    tenant: Tenant
    id: str
    label: str
    namespace: str
    """Where the resource was, or is expected; empty when there is none."""
    name: str
    since: datetime | None
    imported: bool
    """Whether the row came from another registry and no resource has claimed it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Where the event stream of a subject is."""

    sequence: int
    """The last event that was written."""
    waiting: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that the registry holds within a scope, as of one moment, ordered by tenant and id."""

    templates: Sequence[RegisteredTemplate] = ()
    devices: Sequence[DeviceRow] = ()
    publications: dict[tuple[Tenant, str], Publication] = field(default_factory=dict)
    """By tenant and subject."""


class Overview:
    """Answers what people ask. Every method may raise RegistryUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def leader(self) -> Leader | None:
        """Who leads, or led last; None when no operator ever did."""
        with self._reading() as read:
            found = read.execute(_SQL.leader)
        return Leader(**found[0]) if found else None

    def waiting(self) -> list[Waiting]:
        """Events that are not in Kafka, by tenant; tenants without any are left out."""
        with self._reading() as read:
            return [Waiting(**row) for row in read.execute(_SQL.outbox)]

    def tenants(self) -> list[TenantFigures]:
        """The figures of every tenant, by name."""
        with self._reading() as read:
            return [_figures(row) for row in read.execute(_SQL.tenants)]

    def unclaimed(self, scope: Scope) -> list[UnclaimedRow]:
        """The unclaimed rows, by tenant, templates before devices, by id."""
        with self._reading() as read:
            return [_unclaimed(row) for row in read.execute(_SQL.unclaimed, **_scope(scope))]

    def snapshot(self, scope: Scope) -> Snapshot:
        """Everything within the scope."""
        with self._reading() as read:
            templates, devices = _templates(read, scope), list(_devices(read, scope))
            tenants = {row.tenant for row in templates} | {row.tenant for row in devices}
            return Snapshot(templates=templates, devices=devices, publications=_publications(read, tenants))

    @contextmanager
    def _reading(self) -> Iterator[PostgresTransaction]:
        with errors_converted(), self._engine.connect() as connection:
            snapshot = connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            with snapshot.begin():
                yield PostgresTransaction(snapshot)


def _templates(read: PostgresTransaction, scope: Scope) -> list[RegisteredTemplate]:
    found = read.execute(_SQL.templates, **_scope(scope))
    tenants, ids = [row["tenant"] for row in found], [row["id"] for row in found]
    attributes: dict[tuple[str, int], list[RowMapping]] = defaultdict(list)
    for one in read.execute(_WRITER.attributes_of, tenants=tenants, ids=ids):
        attributes[one["tenant"], one["template_id"]].append(one)
    return [rows.template(row, attributes[row["tenant"], row["id"]]) for row in found]


def _devices(read: PostgresTransaction, scope: Scope) -> Iterator[DeviceRow]:
    after = ("", "")
    while page := read.execute(_SQL.device_refs, tenant=after[0], id=after[1], limit=_PAGE, **_scope(scope)):
        tenants, ids = [row["tenant"] for row in page], [row["id"] for row in page]
        yield from (rows.device(row) for row in read.execute(_WRITER.devices, tenants=tenants, ids=ids))
        after = (tenants[-1], ids[-1])


def _publications(
    read: PostgresTransaction, tenants: Collection[Tenant]
) -> dict[tuple[Tenant, str], Publication]:
    found = read.execute(_SQL.publications, tenants=_list(tenants))
    return {
        (Tenant(row["tenant"]), row["subject"]): Publication(
            sequence=row["sequence"], waiting=row["waiting"], quarantined=row["quarantined"]
        )
        for row in found
    }


def _scope(scope: Scope) -> dict[str, Any]:
    return {"all": scope.whole, "tenants": _list(scope.tenants), "namespaces": _list(scope.namespaces)}


def _list(names: Collection[str]) -> list[str]:
    return sorted(names)


def _figures(row: RowMapping) -> TenantFigures:
    counted = {
        name: row[name] for name in ("devices", "unclaimed_devices", "templates", "unclaimed_templates")
    }
    return TenantFigures(tenant=Tenant(row["name"]), namespace=row["namespace"] or "", **counted)


def _unclaimed(row: RowMapping) -> UnclaimedRow:
    return UnclaimedRow(
        kind=Kind(row["kind"]),
        tenant=Tenant(row["tenant"]),
        id=row["id"],
        label=row["label"],
        namespace=row["claim_namespace"] or "",
        name=row["claim_name"] or "",
        since=row["unclaimed_since"],
        imported=row["claim_uid"] == "",
    )
