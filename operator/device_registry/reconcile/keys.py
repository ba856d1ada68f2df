"""Keeps the keys of devices: part of `reconcile`, within its transaction."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from device_registry.domain.errors import KeyUnreadable
from device_registry.domain.keys import KeyPlan, plan_keys, psk_labels, with_keys
from device_registry.domain.model import Declared, DeviceRow, DeviceSpec, Key, Kind, RegisteredTemplate
from device_registry.domain.psk import Psk, Sealed
from device_registry.domain.reasons import Reason
from device_registry.key_ports import DeviceRef, Vault
from device_registry.ports import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How keys are kept."""

    vault: Vault | None = None
    """None while there is no password: then no key is stored."""
    in_events: bool = False
    """Whether the event that follows a new key shows the keys in clear (PSK_IN_EVENTS)."""


class KeyBook:
    """The keys of the devices of one batch. Most devices have none and cost nothing here."""

    def __init__(self, transaction: Transaction, keeping: Keeping, rows: Iterable[DeviceRow]) -> None:
        self._transaction = transaction
        self._keeping = keeping
        with_credentials = [(row.tenant, row.id) for row in rows if row.spec.credentials]
        self._stored = transaction.keys(with_credentials) if with_credentials else {}

    def plan(
        self, declared: Declared[DeviceSpec], ref: DeviceRef, templates: Collection[RegisteredTemplate]
    ) -> KeyPlan:
        """What becomes of the keys of a device that is to have this row."""
        stored = self._stored.get(ref, {})
        plan = plan_keys(declared.spec.credentials, psk_labels(templates), declared.keys, stored)
        if plan.wanted and self._keeping.vault is None:
            reason = Reason.NOT_ENCRYPTED
            return replace(plan, wanted={}, reason=reason, message=_NOT_ENCRYPTED)
        return plan

    def changes(self, ref: DeviceRef, plan: KeyPlan) -> bool:
        """Whether the plan differs from what is stored."""
        return bool(plan.dropped or self._news(ref, plan))

    def carry_out(self, ref: DeviceRef, plan: KeyPlan, now: datetime) -> None:
        """Store the keys that are new and delete those that nothing refers to; the row is there."""
        news = {label: self._seal(ref, label, key) for label, key in self._news(ref, plan).items()}
        if plan.dropped:
            self._transaction.drop_keys(ref, plan.dropped)
        if news:
            self._transaction.save_keys(ref, news, now)

    def told(self, row: DeviceRow, plan: KeyPlan) -> str | None:
        """The document for an event, with the keys, where that is wished and one of them is new."""
        ref = (row.tenant, row.id)
        if not self._keeping.in_events or not self._news(ref, plan):
            return None
        kept = {label: self._open(ref, label) for label in self._stored.get(ref, {}).keys() - plan.dropped}
        known = {label: key for label, key in kept.items() if key}
        return with_keys(row.document.body, {**known, **plan.wanted})

    def _news(self, ref: DeviceRef, plan: KeyPlan) -> Mapping[str, Psk]:
        return {label: key for label, key in plan.wanted.items() if self._open(ref, label) != key}

    def _open(self, ref: DeviceRef, label: str) -> Psk | None:
        """The stored key; None when there is none, or one that another password encrypted."""
        sealed = self._stored.get(ref, {}).get(label)
        if sealed is None or self._keeping.vault is None:
            return None
        try:
            return self._keeping.vault.open(sealed, (*ref, label))
        except KeyUnreadable:
            return None

    def _seal(self, ref: DeviceRef, label: str, key: Psk) -> Sealed:
        assert self._keeping.vault is not None, "no key is wanted without"
        return self._keeping.vault.seal(key, (*ref, label))


_NOT_ENCRYPTED = "the operator has no password to encrypt keys with; set DEV_MNGR_CRYPTO_PASS and restart it"


def let_go(
    transaction: Transaction, rows: Iterable[tuple[DeviceRow, Collection[RegisteredTemplate]]]
) -> list[Key]:
    """After an edit of a template: delete keys whose attribute does not take one any more.

    Answers the devices to look at again: what their status says of their keys is no longer true.
    """
    concerned = [(row, used) for row, used in rows if row.spec.credentials]
    stored = transaction.keys([(row.tenant, row.id) for row, _ in concerned]) if concerned else {}
    again = []
    for row, used in concerned:
        ref, taken = (row.tenant, row.id), psk_labels(used)
        labels = set(stored.get(ref, ()))
        wanted = {one.attribute for one in row.spec.credentials} & taken
        if labels - taken:
            transaction.drop_keys(ref, labels - taken)
        if labels != wanted and row.claim and row.claimed:
            again.append(Key(Kind.DEVICE, *row.claim.place))
    return again
