"""What the facade has begun and not ended: several resources of one request, all or none.

Noted before the first is created, struck off when all are; what is left over, because the process was killed
or the API server went away, is undone by whichever facade comes by (`device_api.undoing`). Only names of
resources stand here, nothing that belongs to a tenant.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from device_registry.domain.errors import RegistryError
from device_registry.domain.model import Key, Kind

from . import sql
from .statements import Statements

_SQL = sql.load("undertakings.sql")

LEASE_SECONDS = 60
"""How long an undertaking belongs to the process that began it; it is renewed three times as often."""


@dataclass(frozen=True, slots=True)
class Undertaking:
    """Resources that are to be there all or not at all."""

    id: str
    """Stands in the annotation of each resource, so that nobody else's of that name is undone."""
    resources: tuple[Key, ...]


class Undertakings:
    """The table of undertakings. Every method may raise RegistryUnavailable."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def begin(self, undertaking: Undertaking, *, undoing: bool = False) -> None:
        """Note it, to be undone if it is not ended; with `undoing` it is given up already."""
        await self._statements.fetch(
            _SQL.begin,
            id=undertaking.id,
            resources=json.dumps([[one.kind, one.namespace, one.name] for one in undertaking.resources]),
            seconds=0 if undoing else LEASE_SECONDS,
            undoing=undoing,
        )

    async def renew(self, id_: str) -> None:
        """It is still being worked on."""
        await self._statements.fetch(_SQL.renew, id=id_, seconds=LEASE_SECONDS)

    async def end(self, id_: str) -> bool:
        """Strike it off: all is done. False when somebody has begun to undo it, because it took too long."""
        ended = bool(await self._statements.fetch(_SQL.end, id=id_))
        if ended:
            with suppress(RegistryError):  # it is ended: what is left of it goes when it is overdue
                await self._statements.fetch(_SQL.strike_off, id=id_)
        return ended

    async def give_up(self, id_: str) -> None:
        """Leave it to be undone."""
        await self._statements.fetch(_SQL.give_up, id=id_)

    async def overdue(self) -> Undertaking | None:
        """One that is to be undone, ours for the length of a lease; None when there is none."""
        found = await self._statements.fetch(_SQL.overdue, seconds=LEASE_SECONDS)
        return Undertaking(found[0]["id"], _keys(json.loads(found[0]["resources"]))) if found else None

    async def undone(self, id_: str) -> None:
        """Nothing of it is left."""
        await self._statements.fetch(_SQL.strike_off, id=id_)


def _keys(stored: Sequence[tuple[str, str, str]]) -> tuple[Key, ...]:
    return tuple(Key(Kind(kind), namespace, name) for kind, namespace, name in stored)
