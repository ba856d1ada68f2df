"""Carries a template's revision to its devices, some hundred at a time: part of `reconcile`.

What is left to do stands in the registry (devices that were not tried with the current revision), so a
crash or a change in the middle only means that the next call goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from device_registry.domain.decision import Write, rerender
from device_registry.domain.events import EventType, device_event, template_event
from device_registry.domain.model import DeviceRow, Key, Kind, RegisteredTemplate, Tenant
from device_registry.domain.outcome import Outcome, Usage
from device_registry.domain.rules import Violation
from device_registry.ports import Transaction

from .keys import let_go
from .results import continued


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a template has come."""

    done: bool
    """Every device was tried with the current revision and the world was told."""
    usage: Usage
    key: Key | None = None
    """The resource of the template, whose status shows the progress."""
    affected: tuple[Key, ...] = ()
    """Devices to look at again: what their status says is no longer true.

    Some cannot be rendered with this revision and keep their last good document, others can be again.
    """


def propagate(
    transaction: Transaction, tenant: Tenant, template_id: int, limit: int, now: datetime
) -> Progress:
    """Render the next `limit` devices; when none is left, send `template.update` once."""
    template = transaction.template(tenant, template_id)
    if template is None:
        return Progress(done=True, usage=Usage(total=0, current=0))
    stale = transaction.stale_devices(template, limit)
    affected = _render(transaction, template, stale, now)
    usage = transaction.usage(tenant, template_id)
    if not usage.stale:
        _tell(transaction, template, now)
    return Progress(
        done=not usage.stale,
        usage=usage,
        key=Key(Kind.TEMPLATE, *template.claim.place) if template.claim else None,
        affected=affected,
    )


def _tell(transaction: Transaction, template: RegisteredTemplate, now: datetime) -> None:
    """One template.update for each revision, after the updates of its devices."""
    if template.propagated_revision < template.revision:
        users = transaction.users(template.tenant, template.id)
        transaction.append([template_event(template, users, now)])
        transaction.mark_propagated(template)


def _render(
    transaction: Transaction,
    template: RegisteredTemplate,
    stale: Sequence[DeviceRow],
    now: datetime,
) -> tuple[Key, ...]:
    intact = [row for row in stale if row.intact]
    if len(intact) < len(stale):
        # What was changed by SQL is for the sweep to repair, from what is declared.
        transaction.mark_tried(template, [row for row in stale if not row.intact])
    if not intact:
        return ()
    templates = transaction.templates_of(intact)
    named = [(row, _named(row, templates)) for row in intact]
    decisions = [(row, rerender(row, used)) for row, used in named]
    writes = [decision for _, decision in decisions if isinstance(decision, Write)]
    transaction.save_devices([write.row for write in writes])
    transaction.append([device_event(EventType.UPDATE, write.row, now) for write in writes if write.event])
    refused = [(row, decision) for row, decision in decisions if isinstance(decision, Violation)]
    rendered = [write.row for write in writes]
    good = [
        (row, list(used.values()))
        for (row, used), (_, decision) in zip(named, decisions, strict=True)
        if isinstance(decision, Write)
    ]
    again = let_go(transaction, good)
    return (*_set_aside(transaction, template, refused), *_recovered(transaction, rendered), *again)


def _recovered(transaction: Transaction, rows: Sequence[DeviceRow]) -> list[Key]:
    """Devices that were refused until now, perhaps because of the template."""
    keys = [Key(Kind.DEVICE, *row.claim.place) for row in rows if row.claim and row.claimed]
    return [key for key, outcome in transaction.outcomes(keys).items() if not outcome.registered]


def _named(
    row: DeviceRow, templates: dict[tuple[Tenant, int], RegisteredTemplate]
) -> dict[str, RegisteredTemplate]:
    """The row's templates by the names of its spec, which stand in the order of the document."""
    used = [templates[row.tenant, template_id] for template_id in row.templates]
    return dict(zip(row.spec.templates, used, strict=True))


def _set_aside(
    transaction: Transaction,
    template: RegisteredTemplate,
    refused: Sequence[tuple[DeviceRow, Violation]],
) -> tuple[Key, ...]:
    """Devices that the edit breaks keep their last good document and say why in their status."""
    if not refused:
        return ()
    transaction.mark_tried(template, [row for row, _ in refused])
    outcomes = [one for row, violation in refused if row.claimed and (one := _refused(row, violation))]
    known = transaction.outcomes([one.key for one in outcomes])
    transaction.record([continued(one, known.get(one.key)) for one in outcomes])
    return tuple(one.key for one in outcomes)


def _refused(row: DeviceRow, violation: Violation) -> Outcome | None:
    if row.claim is None:
        return None
    return Outcome(
        key=Key(Kind.DEVICE, *row.claim.place),
        tenant=row.tenant,
        uid=row.claim.uid,
        generation=row.generation,
        reason=violation.reason,
        message=violation.message,
        target=row.id,
        revision=row.revision,
        templates=row.spec.templates,
    )
