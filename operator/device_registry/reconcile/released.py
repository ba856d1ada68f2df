"""Remembers resources that were let go, so that a late event of one cannot register it again.

Part of `reconcile`, within its transaction. A watch may lag behind what a worker has fetched: while it shows
a resource as it was before its deletion, the row and the resource are gone already.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from device_registry.domain.model import Declared, DeviceSpec, Key, TemplateSpec
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.ports import Transaction

from .results import Result

REMEMBERED = timedelta(minutes=10)
"""Many times what a watch can lag before it is opened again. Not for ever: a cluster that is restored from a
backup brings resources back with the uids that they had."""

_Any = Declared[DeviceSpec] | Declared[TemplateSpec]


def note(transaction: Transaction, gone: Collection[_Any], now: datetime) -> None:
    """Remember these, which are let go in this transaction, and drop what was decided about them."""
    transaction.forget([one.key for one in gone])
    transaction.note_released([one.uid for one in gone], now, now - REMEMBERED)


def already(transaction: Transaction, declared: Sequence[_Any]) -> dict[Key, Result]:
    """What to answer for those of these that were let go, by key; nothing is noted."""
    released = transaction.released([one.uid for one in declared])
    return {
        one.key: Result(outcome=Outcome.about(one, Reason.REMOVED)) for one in declared if one.uid in released
    }
