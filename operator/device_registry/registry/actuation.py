"""Puts `configure` events into the outbox: the facade's part of it."""

from device_registry.domain.events import Event

from . import sql
from .statements import Statements

_SQL = sql.load("actuation.sql")


class Actuations(Statements):
    """Part of the reader. May raise RegistryUnavailable; then nothing was written."""

    async def configure(self, event: Event) -> bool:
        """Write the event with the next sequence of its device; False when there is no such device."""
        (row,) = await self.fetch(
            _SQL.configure,
            tenant=event.tenant,
            id=event.subject,
            type=str(event.type),
            payload=event.payload,
            created=event.created,
            writer=event.writer,
            request=event.request,
        )
        return bool(row["devices"])
