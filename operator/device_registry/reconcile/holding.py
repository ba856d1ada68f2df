"""Which removals of a batch the tenant's deletion budget does not let through: part of `reconcile`.

One batch of removals is in flight at a time, and only the leader writes: nobody else takes from the room that
is counted here.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from device_registry.domain.budget import DeletionBudget, Departed
from device_registry.domain.model import Key, Tenant
from device_registry.domain.reasons import Reason
from device_registry.manifests import ALLOW_MASS_DELETION
from device_registry.ports import Transaction


def held_back(
    transaction: Transaction, leaving: Sequence[tuple[Key, Tenant]], budget: DeletionBudget, now: datetime
) -> dict[Key, str]:
    """The devices that must wait, each with the sentence for its condition; the first to come go first.

    They come with the tenants of their rows, which may differ from what the namespace says by now.
    """
    if not budget.enabled:
        return {}
    held: dict[Key, str] = {}
    for tenant, group in groupby(sorted(leaving, key=_tenant), key=_tenant):
        departed = transaction.departed(tenant, now - budget.window)
        held |= _held_of(transaction, [key for key, _ in group], budget, departed)
    return held


def _tenant(leaving: tuple[Key, Tenant]) -> Tenant:
    return leaving[1]


def _held_of(
    transaction: Transaction, leaving: Sequence[Key], budget: DeletionBudget, then: Departed
) -> dict[Key, str]:
    room = budget.room(then)
    waiting = leaving[room:]
    if not waiting:
        return {}
    counted = transaction.outcomes(leaving).values()
    others = then.held - sum(one.reason is Reason.DELETION_HELD for one in counted)
    afterwards = replace(then, left=then.left + len(leaving) - len(waiting), held=others + len(waiting))
    return {key: _sentence(key, afterwards, budget) for key in waiting}


def _sentence(key: Key, departed: Departed, budget: DeletionBudget) -> str:
    minutes = f"{budget.window.total_seconds() / 60:g} minutes"
    return (
        f"{departed.left} devices of the tenant were deleted within {minutes} and {departed.held} more are"
        f" held; allow them with `kubectl annotate --overwrite namespace {key.namespace}"
        f" {ALLOW_MASS_DELETION}=TIME`, where TIME (RFC 3339) is when the permission ends; without it they go"
        " as earlier deletions leave the window"
    )
