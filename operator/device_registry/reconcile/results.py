"""What reconciling a resource came to; `reconcile` answers with it, the operator acts on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from device_registry.domain.events import Recorded
from device_registry.domain.model import (
    Declared,
    DeviceId,
    DeviceRow,
    DeviceSpec,
    Key,
    RegisteredTemplate,
    TemplateSpec,
)
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.domain.rules import Violation
from device_registry.ports import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of one resource."""

    outcome: Outcome
    event: Recorded | None = None
    """The event that this reconcile wrote, if it wrote one."""
    repaired: bool = False
    """Whether a row was restored that others had changed or deleted."""
    wake: tuple[Key, ...] = ()
    """Other resources that must be looked at again because of it."""


def record(transaction: Transaction, results: Sequence[Result]) -> list[Result]:
    """Note the outcomes that are new; what was decided already is not written again.

    A reconcile that caused no event keeps the sequence of the one before: the status goes on saying whether
    that event was published.
    """
    known = transaction.outcomes([one.outcome.key for one in results])
    settled = [replace(one, outcome=continued(one.outcome, known.get(one.outcome.key))) for one in results]
    news = [one.outcome for one in settled if one.outcome != known.get(one.outcome.key)]
    transaction.record(news)
    return settled


def continued(outcome: Outcome, former: Outcome | None) -> Outcome:
    """The outcome with the sequence of the one before, when it has none of its own and is about the same."""
    same = former is not None and (former.uid, former.target) == (outcome.uid, outcome.target)
    if former is None or not same or outcome.sequence:
        return outcome
    return replace(outcome, sequence=former.sequence)


def refusal(
    declared: Declared[DeviceSpec] | Declared[TemplateSpec],
    violation: Violation,
    *,
    own: DeviceRow | RegisteredTemplate | None = None,
    wanted: DeviceId | str = "",
) -> Result:
    """Nothing was written: a row that the resource holds already stays as it was."""
    contested = violation.reason in {Reason.IDENTITY_CONFLICT, Reason.ALREADY_EXISTS}
    return Result(
        outcome=Outcome.about(
            declared,
            violation.reason,
            message=violation.message,
            target=str(own.id) if own else "",
            wanted=wanted if contested else "",
            revision=own.revision if own else 0,
        )
    )
