"""The keys in the registry, for encrypting them anew (port `StoredKeys` of `rekeying`)."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine

from device_registry.domain.psk import Sealed
from device_registry.rekeying import Place, Replacement

from . import sql
from .borders import errors_converted
from .keys import KeyStatements

_SQL = sql.load("rekeying.sql")


class PostgresStoredKeys:
    """See the port."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counts(self) -> Mapping[str, int]:
        """See the port."""
        with errors_converted(), self._engine.begin() as connection:
            found = KeyStatements(connection).execute(_SQL.key_counts)
        return {row["key_id"]: row["keys"] for row in found}

    def others(self, key_id: str, after: Place, limit: int) -> Sequence[tuple[Place, Sealed]]:
        """See the port."""
        tenant, device, attribute = after
        with errors_converted(), self._engine.begin() as connection:
            found = KeyStatements(connection).execute(
                _SQL.keys_of_others,
                key_id=key_id,
                tenant=tenant,
                device=device,
                attribute=attribute,
                limit=limit,
            )
        return [
            (
                (row["tenant"], row["device_id"], row["attribute"]),
                Sealed(key_id=row["key_id"], box=bytes(row["sealed"])),
            )
            for row in found
        ]

    def replace(self, replacements: Sequence[Replacement]) -> int:
        """See the port."""
        columns = {
            "tenants": [place[0] for place, _, _ in replacements],
            "devices": [place[1] for place, _, _ in replacements],
            "attributes": [place[2] for place, _, _ in replacements],
            "befores": [before.box for _, before, _ in replacements],
            "key_ids": [after.key_id for _, _, after in replacements],
            "boxes": [after.box for _, _, after in replacements],
        }
        with errors_converted(), self._engine.begin() as connection:
            return len(KeyStatements(connection).execute(_SQL.replace_keys, **columns))
