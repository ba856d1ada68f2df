"""Keys in the registry: what the writer's transaction and the facade's reader know of them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from device_registry.domain.errors import Rejected
from device_registry.domain.model import DeviceId, Tenant
from device_registry.domain.psk import Sealed
from device_registry.key_ports import DeviceRef

from . import sql
from .statements import Statements

_SQL = sql.load("keys.sql")


class KeyStatements:
    """See `device_registry.key_ports.KeyRows`, which says what each method promises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, **parameters: Any) -> Sequence[RowMapping]:
        """Run a named statement; answers its rows, if it has any. Raises Rejected for text that is none."""
        try:
            result = self._connection.exec_driver_sql(statement, parameters or None)
        except ValueError as error:
            # The driver finds NUL and lone surrogates itself, before Postgres could refuse them.
            raise Rejected(f"the registry refuses a value: {error}") from error
        return result.mappings().all() if result.returns_rows else ()

    def keys(self, refs: Collection[DeviceRef]) -> dict[DeviceRef, dict[str, Sealed]]:
        """The stored keys of these devices."""
        if not refs:
            return {}
        tenants, ids = [tenant for tenant, _ in refs], [device_id for _, device_id in refs]
        found: dict[DeviceRef, dict[str, Sealed]] = {}
        for row in self.execute(_SQL.keys, tenants=tenants, ids=ids):
            ref = (Tenant(row["tenant"]), DeviceId(row["device_id"]))
            found.setdefault(ref, {})[row["attribute"]] = _sealed(row)
        return found

    def save_keys(self, ref: DeviceRef, keys: Mapping[str, Sealed], now: datetime) -> None:
        """Insert or replace keys of a device."""
        tenant, device_id = ref
        self.execute(
            _SQL.save_keys,
            tenant=tenant,
            id=device_id,
            now=now,
            attributes=list(keys),
            key_ids=[one.key_id for one in keys.values()],
            boxes=[one.box for one in keys.values()],
        )

    def drop_keys(self, ref: DeviceRef, attributes: Collection[str]) -> None:
        """Delete keys."""
        tenant, device_id = ref
        self.execute(_SQL.drop_keys, tenant=tenant, id=device_id, attributes=list(attributes))


class KeyReads(Statements):
    """Part of the reader. May raise RegistryUnavailable."""

    async def keys_of(self, tenant: Tenant, ids: Collection[str]) -> dict[str, dict[str, Sealed]]:
        """The keys of these devices, by id and label; devices without keys left out."""
        found: dict[str, dict[str, Sealed]] = {}
        for row in await self.fetch(_SQL.keys_of, tenant=tenant, ids=list(ids)):
            found.setdefault(row["device_id"], {})[row["attribute"]] = _sealed(row)
        return found


def _sealed(row: Mapping[Any, Any]) -> Sealed:
    return Sealed(key_id=row["key_id"], box=bytes(row["sealed"]))
