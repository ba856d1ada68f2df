"""Registers one declared template: part of `reconcile`, within its transaction."""

from dataclasses import replace
from datetime import datetime

from device_registry.domain import rules, templating
from device_registry.domain.decision import is_outdated
from device_registry.domain.model import Declared, Key, Kind, RegisteredTemplate, TemplateSpec
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.domain.rules import Violation
from device_registry.ports import Transaction

from . import released
from .results import Result, record, refusal
from .tenancy import settle


def register_template(transaction: Transaction, declared: Declared[TemplateSpec], now: datetime) -> Result:
    """Create, revise or adopt the row of a template, or say what is wrong with it.

    A version of a template that was let go since changes nothing (Removed).
    """
    if gone := released.already(transaction, [declared]):
        return gone[declared.key]
    stands = settle(transaction, declared.tenant, [declared.contender])
    own = transaction.template_at(declared.claim.place)
    if own and is_outdated(declared, own):
        return _registered(declared, own)
    left = own if own and _is_left_behind(declared, own) else None
    row = own if own and not left else _pinned_row(transaction, declared)
    violation = (
        rules.namespace_is_free(declared, stands.former.get(declared.key.namespace))
        or rules.tenant_is_kept(declared, stands.namespace, own)
        or _check(transaction, declared, row)
    )
    if violation:
        return record(transaction, [replace(refusal(declared, violation, own=own), wake=stands.displaced)])[0]
    moved = _leave_behind(transaction, left) if left else ()
    result = _registered(declared, _save(transaction, declared, row, now))
    return record(transaction, [replace(result, wake=(*stands.displaced, *moved))])[0]


def _is_left_behind(declared: Declared[TemplateSpec], own: RegisteredTemplate) -> bool:
    """Whether the resource was created again under another id, while its former row had been retained."""
    return not own.claimed and declared.spec.template_id not in (None, own.id)


def _leave_behind(transaction: Transaction, row: RegisteredTemplate) -> tuple[Key, ...]:
    """Give up the claim on a retained row; answers the devices that name the resource and follow it."""
    transaction.save_template(replace(row, claim=None))
    users = [(row.tenant, device_id) for device_id in transaction.users(row.tenant, row.id)]
    followers = transaction.devices(users, ()) if users else ()
    return tuple(Key(Kind.DEVICE, *one.claim.place) for one in followers if one.claim and one.claimed)


def _pinned_row(transaction: Transaction, declared: Declared[TemplateSpec]) -> RegisteredTemplate | None:
    pin = declared.spec.template_id
    return transaction.template(declared.tenant, pin) if pin else None


def _check(
    transaction: Transaction, declared: Declared[TemplateSpec], row: RegisteredTemplate | None
) -> Violation | None:
    owners = transaction.attribute_owners(declared.tenant, templating.pinned_ids(declared.spec))
    users = transaction.usage(row.tenant, row.id).total if row else 0
    return (
        rules.id_is_free_for_template(declared.claim, row)
        or rules.pins_are_kept(declared.spec, row)
        or rules.pins_are_distinct(declared.spec, row)
        or rules.attribute_ids_are_free(row.id if row else None, owners)
        or rules.edit_is_compatible(declared.spec, row, users)
    )


def _save(
    transaction: Transaction,
    declared: Declared[TemplateSpec],
    row: RegisteredTemplate | None,
    now: datetime,
) -> RegisteredTemplate:
    tenant, spec = declared.tenant, declared.spec
    transaction.pinned(tenant, spec.template_id, templating.pinned_ids(spec))
    ids = transaction.next_attribute_ids(tenant, templating.ids_needed(row, spec))
    if row is None:
        former = _former_id(transaction, declared)
        template_id = spec.template_id or former or transaction.next_template_id(tenant)
        template = templating.create(declared, template_id, ids, now)
    else:
        template = templating.revise(row, declared, ids, now)
    if template != row:
        transaction.save_template(template)
    if row is None:
        # Nobody can use a template that was not there: there is nobody to tell.
        transaction.mark_propagated(template)
    return template


def _former_id(transaction: Transaction, declared: Declared[TemplateSpec]) -> int | None:
    """The id of a registered template whose row somebody deleted behind our back, if it is free."""
    outcome = transaction.outcomes([declared.key]).get(declared.key)
    if outcome is None or not outcome.target or outcome.tenant != declared.tenant:
        return None
    template_id = int(outcome.target)
    return None if transaction.template(declared.tenant, template_id) else template_id


def _registered(declared: Declared[TemplateSpec], template: RegisteredTemplate) -> Result:
    return Result(
        outcome=Outcome.about(
            declared, Reason.REGISTERED, target=str(template.id), revision=template.revision
        )
    )
