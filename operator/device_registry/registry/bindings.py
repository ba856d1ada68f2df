"""What the facade must know before it changes or deletes: who declares what, and who uses which template."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from device_registry.domain.model import DeviceId, DeviceSpec, Key, Kind, Tenant

from . import rows, sql
from .statements import Statements

_SQL = sql.load("bindings.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDevice:
    """A registered device with the resource behind it."""

    id: DeviceId
    body: str
    key: Key | None
    """The resource that declares it; None when the row is unclaimed."""
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A spec that was registered, and the generation of the resource that said it."""

    spec: DeviceSpec
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """Devices that use a template: how many, and the first of them."""

    total: int
    ids: tuple[DeviceId, ...]


class BindingReads(Statements):
    """Part of the reader. Every method may raise RegistryUnavailable."""

    async def every_device(self, tenant: Tenant) -> list[StoredDevice]:
        """All devices of a tenant, in the order of their ids."""
        return [stored(row) for row in await self.fetch(_SQL.every_device, tenant=tenant)]

    async def every_template(self, tenant: Tenant) -> list[int]:
        """The ids of all templates of a tenant, ascending."""
        return [row["id"] for row in await self.fetch(_SQL.every_template, tenant=tenant)]

    async def users(self, tenant: Tenant, templates: Collection[int], limit: int) -> Users:
        """The devices that use any of these templates."""
        (row,) = await self.fetch(_SQL.users, tenant=tenant, templates=list(templates), limit=limit)
        return Users(total=row["total"], ids=tuple(row["ids"] or ()))

    async def is_shared(self, tenant: Tenant, template_id: int) -> bool:
        """Whether some device of the template uses another one as well, so that the two may clash."""
        (row,) = await self.fetch(_SQL.is_shared, tenant=tenant, template=template_id)
        return bool(row["shared"])

    async def clash(
        self, tenant: Tenant, template_id: int, identities: Collection[tuple[str, str]]
    ) -> tuple[str, int] | None:
        """An attribute, label and id, that keeps the template from declaring these (label, type).

        It belongs to another template of some device that uses this one.
        """
        labels, types = zip(*identities, strict=True) if identities else ((), ())
        found = await self.fetch(
            _SQL.clash, tenant=tenant, template=template_id, labels=list(labels), types=list(types)
        )
        return (found[0]["label"], found[0]["id"]) if found else None

    async def devices_with_own_values(
        self, tenant: Tenant, template_id: int
    ) -> list[tuple[StoredDevice, DeviceSpec]]:
        """The devices of a template that have overrides or credentials, and what they declare."""
        found = await self.fetch(_SQL.bound_specs, tenant=tenant, template=template_id)
        specs = ((row, rows.device_spec_of(row["spec"])) for row in found)
        return [(stored(row), spec) for row, spec in specs if spec]

    async def registered(self, tenant: Tenant, key: Key, uid: str) -> Registered | None:
        """The spec of a device that was registered last; None when no row shows that resource."""
        found = await self.fetch(
            _SQL.registered, tenant=tenant, namespace=key.namespace, name=key.name, uid=uid
        )
        spec = rows.device_spec_of(found[0]["spec"]) if found else None
        return Registered(spec=spec, generation=found[0]["generation"]) if spec else None

    async def is_propagated(self, tenant: Tenant, template_id: int, revision: int) -> bool:
        """Whether every device of the template was tried with that revision, and the world told."""
        (row,) = await self.fetch(_SQL.is_propagated, tenant=tenant, template=template_id, revision=revision)
        return bool(row["done"])


def stored(row: Any) -> StoredDevice:
    """A device from its row."""
    if row["claim_name"] is None or row["unclaimed_since"] is not None:
        return StoredDevice(id=row["id"], body=row["document"], key=None)
    key = Key(Kind.DEVICE, row["claim_namespace"], row["claim_name"])
    return StoredDevice(id=row["id"], body=row["document"], key=key, uid=row["claim_uid"])
