"""Lets rows go whose resources are being deleted: part of `reconcile`, within its transaction.

Order matters to the caller: first this commits, row and event together, then our finalizer goes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic

from device_registry.domain.decision import Remove, forget
from device_registry.domain.events import EventType, Recorded, device_event
from device_registry.domain.model import (
    Declared,
    DeletionPolicy,
    DeviceRow,
    DeviceSpec,
    Key,
    Spec,
    TemplateSpec,
)
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.ports import Transaction

from .results import Result

_NAMED = 3
"""Devices that a message names: enough to find them, short enough to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure(Generic[Spec]):
    """A resource that is being deleted, and what shall become of its row."""

    declared: Declared[Spec]
    policy: DeletionPolicy


def release_devices(
    transaction: Transaction, departures: Sequence[Departure[DeviceSpec]], now: datetime
) -> list[Result]:
    """Delete or unclaim the rows of these devices; those without a row have nothing to release.

    A row that an earlier resource of that name left behind unclaimed is none of theirs.
    """
    places = [one.declared.claim.place for one in departures]
    found = transaction.devices((), places)
    rows = {row.claim.place: row for row in found if row.claim and row.claimed}
    held = [(one, rows[one.declared.claim.place]) for one in departures if one.declared.claim.place in rows]
    decisions = [(one, forget(row, one.policy)) for one, row in held]
    removed = [(one, decision.row) for one, decision in decisions if isinstance(decision, Remove)]
    kept = [decision.row for _, decision in decisions if not isinstance(decision, Remove)]
    recorded = _remove(transaction, removed, now)
    transaction.save_devices([replace(row, unclaimed_since=now) for row in kept])
    transaction.forget([one.declared.key for one in departures])
    wake = _to_wake(transaction, [row for _, row in held])
    return [_result(one, rows.get(one.declared.claim.place), recorded, wake) for one in departures]


def _remove(
    transaction: Transaction,
    removed: Sequence[tuple[Departure[DeviceSpec], DeviceRow]],
    now: datetime,
) -> dict[tuple[str, str], Recorded]:
    transaction.remove_devices([(row.tenant, row.id) for _, row in removed])
    events = [device_event(EventType.REMOVE, row, now, one.declared) for one, row in removed]
    return {(one.event.tenant, one.event.subject): one for one in transaction.append(events)}


def _to_wake(transaction: Transaction, rows: Sequence[DeviceRow]) -> tuple[Key, ...]:
    """Devices that may now have one of the ids, and templates whose deletion waited for these devices."""
    losers = transaction.losers([(row.tenant, row.id) for row in rows])
    used = {(row.tenant, template_id) for row in rows for template_id in row.templates}
    return (*losers, *transaction.blocked(used))


def _result(
    departure: Departure[DeviceSpec],
    row: DeviceRow | None,
    recorded: Mapping[tuple[str, str], Recorded],
    wake: tuple[Key, ...],
) -> Result:
    event = recorded.get((row.tenant, row.id)) if row else None
    retained = departure.policy is DeletionPolicy.RETAIN
    reason = Reason.RETAINED if retained else Reason.REMOVED
    return Result(
        outcome=_outcome(departure.declared, reason, str(row.id) if row else ""),
        event=event,
        wake=wake,
    )


def release_template(transaction: Transaction, departure: Departure[TemplateSpec], now: datetime) -> Result:
    """Delete or unclaim a template; while devices use it, say which and leave it."""
    declared = departure.declared
    found = transaction.template_at(declared.claim.place)
    row = found if found and found.claimed else None
    users = transaction.usage(row.tenant, row.id).total if row else 0
    if row and users and departure.policy is DeletionPolicy.DELETE:
        named = transaction.users(row.tenant, row.id, limit=_NAMED)
        outcome = _outcome(declared, Reason.IN_USE, str(row.id), _in_use(users, named), row.revision)
        transaction.record([outcome])
        return Result(outcome=outcome)
    if row and departure.policy is DeletionPolicy.DELETE:
        transaction.remove_template(row.tenant, row.id)
    elif row:
        transaction.save_template(replace(row, unclaimed_since=now))
    transaction.forget([declared.key])
    reason = Reason.RETAINED if departure.policy is DeletionPolicy.RETAIN else Reason.REMOVED
    return Result(outcome=_outcome(declared, reason, str(row.id) if row else ""))


def _in_use(users: int, named: Sequence[str]) -> str:
    listed = ", ".join(named) + (f" and {users - len(named)} more" if users > len(named) else "")
    noun = "device uses" if users == 1 else "devices use"
    return f"{users} {noun} the template: {listed}; delete them or take the template from them"


def _outcome(
    declared: Declared[DeviceSpec] | Declared[TemplateSpec],
    reason: Reason,
    target: str,
    message: str = "",
    revision: int = 0,
) -> Outcome:
    return Outcome(
        key=declared.key,
        tenant=declared.tenant,
        uid=declared.uid,
        generation=declared.generation,
        reason=reason,
        message=message,
        target=target,
        revision=revision,
    )
