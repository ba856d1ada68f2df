"""Lets rows go whose resources are being deleted: part of `reconcile`, within its transaction.

Order matters to the caller: first this commits, row and event together, then our finalizer goes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic

from device_registry.domain.budget import DeletionBudget
from device_registry.domain.decision import Remove, forget
from device_registry.domain.events import EventType, Recorded, device_event
from device_registry.domain.model import (
    Declared,
    DeletionPolicy,
    DeviceRow,
    DeviceSpec,
    Key,
    RegisteredTemplate,
    Spec,
    TemplateSpec,
)
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.ports import Place, Transaction

from . import released
from .holding import held_back
from .results import Result

_NAMED = 3
"""Devices that a message names: enough to find them, short enough to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure(Generic[Spec]):
    """A resource that is being deleted, and what shall become of its row."""

    declared: Declared[Spec]
    policy: DeletionPolicy
    unlimited: bool = False
    """Somebody allowed it whatever the deletion budget says."""


_Leaving = tuple[Departure[DeviceSpec], DeviceRow]
"""A device whose row goes or is left behind now."""


def release_devices(
    transaction: Transaction,
    departures: Sequence[Departure[DeviceSpec]],
    now: datetime,
    budget: DeletionBudget,
) -> list[Result]:
    """Delete or unclaim the rows of these devices; those without a row have nothing to release.

    A row that an earlier resource of that name left behind unclaimed is none of theirs, nor is that of a
    later one, which who was let go already may find there. What the budget does not let through stays as it
    is (DeletionHeld).
    """
    found = transaction.devices((), [one.declared.claim.place for one in departures])
    rows = {row.claim.place: row for row in found if row.claim and row.claimed}
    gone = transaction.released([one.declared.uid for one in departures])
    there = [one for one in departures if not _is_over(one, rows.get(one.declared.claim.place), gone)]
    rows = {one.declared.claim.place: row for one, row in _with_rows(there, rows)}
    limited = _with_rows([one for one in there if _is_limited(one)], rows)
    held = held_back(transaction, [(one.declared.key, row.tenant) for one, row in limited], budget, now)
    leaving = [one for one in there if one.declared.key not in held]
    recorded, wake = _release(transaction, _with_rows(leaving, rows), now, budget)
    released.note(transaction, [one.declared for one in leaving], now)
    results = [_result(one, rows.get(one.declared.claim.place), recorded, wake, held) for one in departures]
    transaction.record([one.outcome for one in results if one.outcome.reason is Reason.DELETION_HELD])
    return results


def _is_over(
    departure: Departure[DeviceSpec] | Departure[TemplateSpec],
    row: DeviceRow | RegisteredTemplate | None,
    gone: Collection[str],
) -> bool:
    """Whether it was let go before, and nothing of it is left."""
    uid = departure.declared.uid
    return uid in gone and not (row and row.claim and row.claim.uid == uid)


def _is_limited(departure: Departure[DeviceSpec]) -> bool:
    return departure.policy is DeletionPolicy.DELETE and not departure.unlimited


def _with_rows(
    departures: Sequence[Departure[DeviceSpec]], rows: Mapping[Place, DeviceRow]
) -> list[_Leaving]:
    places = [(one, one.declared.claim.place) for one in departures]
    return [(one, rows[place]) for one, place in places if place in rows]


def _release(
    transaction: Transaction, leaving: Sequence[_Leaving], now: datetime, budget: DeletionBudget
) -> tuple[dict[tuple[str, str], Recorded], tuple[Key, ...]]:
    """Remove or unclaim the rows; answers the events, and who must be looked at because of it."""
    decisions = [(one, forget(row, one.policy)) for one, row in leaving]
    removed = [(one, decision.row) for one, decision in decisions if isinstance(decision, Remove)]
    kept = [decision.row for _, decision in decisions if not isinstance(decision, Remove)]
    recorded = _remove(transaction, removed, now)
    if budget.enabled and removed:
        transaction.note_departures([row.tenant for _, row in removed], now, now - budget.window)
    transaction.save_devices([replace(row, unclaimed_since=now) for row in kept])
    return recorded, _to_wake(transaction, [row for _, row in leaving])


def _remove(
    transaction: Transaction, removed: Sequence[_Leaving], now: datetime
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
    held: Mapping[Key, str],
) -> Result:
    if row and (message := held.get(departure.declared.key)):
        outcome = Outcome.about(
            departure.declared,
            Reason.DELETION_HELD,
            message=message,
            target=str(row.id),
            revision=row.revision,
        )
        return Result(outcome=replace(outcome, tenant=row.tenant))
    event = recorded.get((row.tenant, row.id)) if row else None
    retained = departure.policy is DeletionPolicy.RETAIN
    reason = Reason.RETAINED if retained else Reason.REMOVED
    return Result(
        outcome=Outcome.about(departure.declared, reason, target=str(row.id) if row else ""),
        event=event,
        wake=wake,
    )


def release_template(transaction: Transaction, departure: Departure[TemplateSpec], now: datetime) -> Result:
    """Delete or unclaim a template; while devices use it, say which and leave it."""
    declared = departure.declared
    reason = Reason.RETAINED if departure.policy is DeletionPolicy.RETAIN else Reason.REMOVED
    found = transaction.template_at(declared.claim.place)
    row = found if found and found.claimed else None
    if _is_over(departure, row, transaction.released([declared.uid])):
        return Result(outcome=Outcome.about(declared, reason))
    users = transaction.usage(row.tenant, row.id).total if row else 0
    if row and users and departure.policy is DeletionPolicy.DELETE:
        named = transaction.users(row.tenant, row.id, limit=_NAMED)
        outcome = Outcome.about(
            declared,
            Reason.IN_USE,
            message=_in_use(users, named),
            target=str(row.id),
            revision=row.revision,
        )
        transaction.record([outcome])
        if not row.terminating:
            transaction.save_template(replace(row, terminating=True))
        return Result(outcome=outcome)
    if row and departure.policy is DeletionPolicy.DELETE:
        transaction.remove_template(row.tenant, row.id)
    elif row:
        transaction.save_template(replace(row, unclaimed_since=now, terminating=False))
    released.note(transaction, [declared], now)
    return Result(outcome=Outcome.about(declared, reason, target=str(row.id) if row else ""))


def _in_use(users: int, named: Sequence[str]) -> str:
    listed = ", ".join(named) + (f" and {users - len(named)} more" if users > len(named) else "")
    noun = "device uses" if users == 1 else "devices use"
    return f"{users} {noun} the template: {listed}; delete them or take the template from them"
