"""Reads a database of dojot's DeviceManager: one schema for each tenant. Nothing is written there.

Only this module speaks to that database. A tenant is read in one transaction, so that what it gives belongs
together, whatever the running installation does meanwhile.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row

from device_registry.domain.errors import Refused, RegistryUnavailable
from device_registry.domain.reasons import Reason

from .records import OldAttribute, OldDevice, OldKey, OldOverride, OldTemplate, OldTenant

REVISION: Final = "fabf2ca39860"
"""The last revision of dojot's schema, that of its releases 0.7 and 0.8."""

_CONNECT_SECONDS: Final = 5
_NO_TENANTS: Final = ("public", "information_schema")
_SCHEMAS: Final = """
SELECT n.nspname AS name FROM pg_namespace n
WHERE n.nspname <> ALL(%(others)s) AND n.nspname NOT LIKE 'pg%%'
  AND EXISTS (SELECT FROM pg_class c
              WHERE c.relnamespace = n.oid AND c.relname = 'devices' AND c.relkind = 'r')
ORDER BY n.nspname COLLATE "C"
"""

_Record = TypeVar("_Record")


class AddressUnusable(Exception):
    """The address is not one; the message does not repeat it."""


class DojotDatabase:
    """A connection that only reads. Every method may raise RegistryUnavailable."""

    def __init__(self, connection: Connection[DictRow]) -> None:
        self._connection = connection

    def tenants(self) -> list[str]:
        """The tenants that the database has, by name."""
        with _errors_converted():
            found = self._connection.execute(_SCHEMAS, {"others": list(_NO_TENANTS)}).fetchall()
        return [row["name"] for row in found]

    def revision(self, tenant: str) -> str:
        """The revision of a tenant's schema; empty when it says none."""
        statement = sql.SQL("SELECT version_num FROM {}.alembic_version").format(sql.Identifier(tenant))
        try:
            with _errors_converted(), self._connection.transaction():
                found = self._connection.execute(statement).fetchall()
        except Refused:
            return ""
        return str(found[0]["version_num"]) if found else ""

    def read(self, tenant: str) -> OldTenant:
        """Everything of a tenant. Raises Refused when its schema is not dojot's."""
        with _errors_converted(), self._connection.transaction():
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return OldTenant(
                name=tenant,
                templates=self._rows(tenant, "templates", OldTemplate, "id"),
                attributes=self._rows(tenant, "attrs", OldAttribute, "id"),
                devices=self._rows(tenant, "devices", OldDevice, 'id COLLATE "C"'),
                uses=self._uses(tenant),
                overrides=self._rows(tenant, "overrides", OldOverride, "id"),
                keys=self._rows(tenant, "pre_shared_keys", OldKey, 'device_id COLLATE "C", attr_id'),
            )

    def _rows(self, tenant: str, table: str, record: type[_Record], order: str) -> list[_Record]:
        names = list(record.__annotations__)
        statement = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(tenant, table), sql.SQL(order)
        )
        return [record(**_utc(row)) for row in self._connection.execute(statement)]

    def _uses(self, tenant: str) -> Sequence[tuple[str, int]]:
        statement = sql.SQL(
            'SELECT device_id, template_id FROM {} ORDER BY device_id COLLATE "C", template_id'
        ).format(sql.Identifier(tenant, "device_template"))
        return [(row["device_id"], row["template_id"]) for row in self._connection.execute(statement)]


@contextmanager
def opened(url: str) -> Iterator[DojotDatabase]:
    """The database at an address of libpq.

    Raises AddressUnusable, and RegistryUnavailable when it does not answer.
    """
    _check(url)
    with _errors_converted():
        connection = psycopg.connect(
            url,
            row_factory=dict_row,
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            application_name="device-manager-import",
            options="-c default_transaction_read_only=on -c TimeZone=UTC",
        )
    with connection:
        yield DojotDatabase(connection)


def _check(url: str) -> None:
    """What libpq says of an address that it cannot read repeats it, and the password with it."""
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise AddressUnusable(
            "the address of dojot's database is not usable; write"
            " postgresql://user:password@host:port/database, and %40 for an @ in the password"
        ) from None


def _utc(row: DictRow) -> dict[str, Any]:
    """Times without a zone are UTC there; binary values come as views."""
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return bytes(value) if isinstance(value, memoryview) else value


@contextmanager
def _errors_converted() -> Iterator[None]:
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        first = str(error).strip().split("\n", 1)[0]
        raise RegistryUnavailable(f"the database of dojot does not answer: {first}") from error
    except psycopg.Error as error:
        first = str(error).strip().split("\n", 1)[0]
        raise Refused(
            Reason.INVALID_SPEC,
            f"this is no database of dojot's DeviceManager (revision {REVISION}): {first}",
        ) from error
