"""The registry as the monitor reads it: tenants, devices, and how long data of each count."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import URL, RowMapping, create_engine

from device_registry.domain.model import DeviceId, Tenant

from . import sql
from .borders import errors_converted
from .transaction import PostgresTransaction

_SQL = sql.load("monitored.sql")

_CONNECT_SECONDS = 2
"""The monitor goes on with what it knows, so it does not wait for long."""
_STATEMENT_MS = 5_000


class MonitoredRegistry:
    """Reads only, on one connection. Every method may raise RegistryError."""

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(
            url,
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": _CONNECT_SECONDS,
                "application_name": "device-manager-monitor",
                "options": f"-c statement_timeout={_STATEMENT_MS} -c TimeZone=UTC",
                "tcp_user_timeout": _STATEMENT_MS,
            },
        )

    def tenants(self) -> Collection[Tenant]:
        """Every tenant."""
        return [Tenant(row["name"]) for row in self._read(_SQL.tenants)]

    def device_timeouts(self, tenant: Tenant, ids: Collection[DeviceId]) -> Mapping[DeviceId, str | None]:
        """By device the text of its templates' `device_timeout`; devices that do not exist are absent."""
        found = self._read(_SQL.device_timeouts, tenant=tenant, ids=list(ids))
        return {DeviceId(row["id"]): row["timeout"] for row in found}

    def close(self) -> None:
        """Release the connection."""
        self._engine.dispose()

    def _read(self, statement: str, **parameters: Any) -> Sequence[RowMapping]:
        with errors_converted(), self._engine.begin() as connection:
            return PostgresTransaction(connection).execute(statement, **parameters)
