"""Unclaims the rows of resources that are gone without having been released: the sweep calls it.

Absence is never deletion: the rows stay and nobody is told. They can be adopted, deleted, or taken back by a
resource of the same name.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from device_registry.domain.model import DeviceRow, Key, Kind, RegisteredTemplate
from device_registry.ports import Holding, Registry, Transaction


def unclaim(registry: Registry, absent: Sequence[Holding], now: datetime) -> list[Key]:
    """Unclaim the rows of resources that are known to be gone; answers the resources to look at again.

    A row that another resource has claimed since is left to it. May raise RegistryUnavailable or Fenced.
    """
    with registry.transaction() as transaction:
        _forget(transaction, absent)
        devices = _devices(transaction, absent)
        transaction.save_devices([replace(row, unclaimed_since=now) for row in devices])
        for template in _templates(transaction, absent):
            transaction.save_template(replace(template, unclaimed_since=now))
        used = {(row.tenant, template_id) for row in devices for template_id in row.templates}
        losers = transaction.losers([(row.tenant, row.id) for row in devices])
        return [*losers, *transaction.blocked(used)]


def _forget(transaction: Transaction, absent: Sequence[Holding]) -> None:
    """Drop what was decided about them, unless a namesake was decided about since."""
    known = transaction.outcomes([one.key for one in absent])
    uids = {one.key: one.uid for one in absent}
    transaction.forget([key for key, outcome in known.items() if outcome.uid == uids[key]])


def _devices(transaction: Transaction, absent: Sequence[Holding]) -> list[DeviceRow]:
    uids = {_place(one.key): one.row_uid for one in absent if one.key.kind is Kind.DEVICE and one.row}
    return [row for row in transaction.devices((), list(uids)) if _is_held(row, uids)] if uids else []


def _templates(transaction: Transaction, absent: Sequence[Holding]) -> list[RegisteredTemplate]:
    uids = {_place(one.key): one.row_uid for one in absent if one.key.kind is Kind.TEMPLATE and one.row}
    found = [transaction.template_at(place) for place in sorted(uids)]
    return [row for row in found if row and _is_held(row, uids)]


def _is_held(row: DeviceRow | RegisteredTemplate, uids: dict[tuple[str, str], str]) -> bool:
    return row.claimed and row.claim is not None and row.claim.uid == uids[row.claim.place]


def _place(key: Key) -> tuple[str, str]:
    return (key.namespace, key.name)
