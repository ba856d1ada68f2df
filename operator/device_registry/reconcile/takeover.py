"""Writes the rows of another registry as they are, ids and times included: `device-manager import database`.

The rows are unclaimed at first. Each notes the place of the resource that shall have it, so that this
resource, when it comes, takes the row without an event. Nobody is told: for the world nothing has changed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from device_registry.domain.errors import KeyUnreadable, Refused
from device_registry.domain.model import DeviceId, DeviceRow, Kind, RegisteredTemplate, Tenant
from device_registry.domain.psk import Psk, Sealed
from device_registry.domain.reasons import Reason
from device_registry.key_ports import DeviceRef, Vault
from device_registry.ports import Transaction

from .unclaimed import NEVER_CLAIMED, Ref, check_place

CHUNK = 500
"""Rows in one statement."""

_Row = TypeVar("_Row", DeviceRow, RegisteredTemplate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Everything that a tenant has in the other registry, as rows of this one.

    The devices were rendered with these templates, and every claim is by a resource that is yet to come.
    """

    tenant: Tenant
    templates: Sequence[RegisteredTemplate]
    devices: Sequence[DeviceRow]
    keys: Mapping[DeviceId, Mapping[str, Psk]] = field(default_factory=dict)
    """By label of the attribute; the specs of the devices refer to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """What became of the rows."""

    written: tuple[Ref, ...] = ()
    """New, or changed since the last time."""
    same: tuple[Ref, ...] = ()
    claimed: tuple[Ref, ...] = ()
    """Left alone: a resource has them already."""
    removed: tuple[Ref, ...] = ()
    """Taken over earlier, never claimed, and not there any more."""


@dataclass(frozen=True, slots=True)
class _Pair(Generic[_Row]):
    """A row as it comes, with its new revision, and as it is here, if it is."""

    wanted: _Row
    known: _Row | None

    @property
    def claimed(self) -> bool:
        return self.known is not None and self.known.claimed

    @property
    def due(self) -> bool:
        """Whether it must be written."""
        return not self.claimed and (self.known is None or self.wanted.revision != self.known.revision)

    @property
    def valid(self) -> _Row:
        """The row as it stands afterwards."""
        return self.known if self.claimed and self.known else self.wanted


def take_over(
    transaction: Transaction,
    inventory: Inventory,
    vault: Vault | None,
    now: datetime,
    former: Collection[Ref] = (),
) -> TakenOver:
    """Write the rows of a tenant, all or none; what is there already and the same is not written again.

    `former` are rows that were taken over earlier; those that the inventory lacks are removed, unless a
    resource has claimed them. `vault` may be missing when there are no keys. Raises Refused when an id or a
    place belongs to somebody else.
    """
    transaction.tenant_claim(inventory.tenant)
    _check_attribute_ids(transaction, inventory)
    templates = [_template_pair(transaction, one) for one in inventory.templates]
    _save_templates(transaction, inventory.tenant, templates)
    revisions = {pair.wanted.id: pair.valid.revision for pair in templates}
    devices = _device_pairs(transaction, inventory, revisions)
    due = [pair.wanted for pair in devices if pair.due]
    for start in range(0, len(due), CHUNK):
        transaction.save_devices(due[start : start + CHUNK])
    if vault:
        _keep_keys(transaction, inventory, devices, vault, now)
    removed = _remove_former(transaction, former, inventory)
    return _report(inventory.tenant, templates, devices, removed)


# --- templates --------------------------------------------------------------------------------------


def _template_pair(transaction: Transaction, row: RegisteredTemplate) -> _Pair[RegisteredTemplate]:
    ref = Ref(Kind.TEMPLATE, row.tenant, str(row.id))
    if row.claim:
        check_place(ref, transaction.template_at(row.claim.place))
    known = transaction.template(row.tenant, row.id)
    if known is None:
        return _Pair(replace(row, revision=1), None)
    same = _template_content(known) == _template_content(row)
    return _Pair(replace(row, revision=known.revision + (not same)), known)


def _template_content(row: RegisteredTemplate) -> tuple[object, ...]:
    return (row.label, row.attributes, row.created, row.updated, row.claim and row.claim.place)


def _check_attribute_ids(transaction: Transaction, inventory: Inventory) -> None:
    """An id that another template of the tenant has already cannot be kept."""
    ids = [one for template in inventory.templates for one in _ids(template)]
    ours = {template.id for template in inventory.templates}
    for attribute, owner in sorted(transaction.attribute_owners(inventory.tenant, ids).items()):
        if owner not in ours:
            raise Refused(
                Reason.IDENTITY_CONFLICT,
                f"the attribute id {attribute} belongs to template/{owner} of the tenant {inventory.tenant}"
                " already; take a tenant over before it has templates of its own",
            )


def _ids(template: RegisteredTemplate) -> Iterable[int]:
    for attribute in template.attributes:
        yield attribute.id
        yield from (entry.id for entry in attribute.metadata)


def _save_templates(
    transaction: Transaction, tenant: Tenant, pairs: Sequence[_Pair[RegisteredTemplate]]
) -> None:
    for pair in pairs:
        transaction.pinned(tenant, pair.wanted.id, list(_ids(pair.wanted)))
        if pair.due:
            transaction.save_template(pair.wanted)
            transaction.mark_propagated(pair.wanted)


# --- devices ----------------------------------------------------------------------------------------


def _device_pairs(
    transaction: Transaction, inventory: Inventory, revisions: Mapping[int, int]
) -> list[_Pair[DeviceRow]]:
    known: dict[DeviceId, DeviceRow] = {}
    for start in range(0, len(inventory.devices), CHUNK):
        some = inventory.devices[start : start + CHUNK]
        places = [row.claim.place for row in some if row.claim]
        found = transaction.devices([(row.tenant, row.id) for row in some], places)
        _check_places(some, found)
        known |= {row.id: row for row in found}
    return [_device_pair(row, known.get(row.id), revisions) for row in inventory.devices]


def _check_places(rows: Sequence[DeviceRow], found: Sequence[DeviceRow]) -> None:
    holders = {row.claim.place: row for row in found if row.claim}
    for row in rows:
        if row.claim:
            check_place(Ref(Kind.DEVICE, row.tenant, row.id), holders.get(row.claim.place))


def _device_pair(row: DeviceRow, known: DeviceRow | None, revisions: Mapping[int, int]) -> _Pair[DeviceRow]:
    wanted = replace(row, templates={one: revisions[one] for one in row.templates})
    if known is None:
        return _Pair(replace(wanted, revision=1), None)
    same = known.intact and _device_content(known) == _device_content(wanted)
    return _Pair(replace(wanted, revision=known.revision + (not same)), known)


def _device_content(row: DeviceRow) -> tuple[object, ...]:
    place = row.claim and row.claim.place
    return (row.spec, row.document, tuple(row.templates.items()), row.created, row.updated, place)


# --- keys -------------------------------------------------------------------------------------------


def _keep_keys(
    transaction: Transaction,
    inventory: Inventory,
    pairs: Sequence[_Pair[DeviceRow]],
    vault: Vault,
    now: datetime,
) -> None:
    """Store the keys with the rows: a resource that finds its keys stored claims its row without an event."""
    open_ = [(pair.wanted.tenant, pair.wanted.id) for pair in pairs if not pair.claimed]
    stored = transaction.keys(open_) if open_ else {}
    for ref in open_:
        wanted, known = inventory.keys.get(ref[1], {}), stored.get(ref, {})
        if known.keys() - wanted.keys():
            transaction.drop_keys(ref, known.keys() - wanted.keys())
        news = {label: key for label, key in wanted.items() if not _holds(vault, ref, label, known, key)}
        if news:
            sealed = {label: vault.seal(key, (*ref, label)) for label, key in news.items()}
            transaction.save_keys(ref, sealed, now)


def _holds(vault: Vault, ref: DeviceRef, label: str, known: Mapping[str, Sealed], key: Psk) -> bool:
    """Whether the key is stored already, under the password of today."""
    try:
        return label in known and vault.open(known[label], (*ref, label)) == key
    except KeyUnreadable:
        return False


# --- what is gone -----------------------------------------------------------------------------------


def _remove_former(
    transaction: Transaction, former: Collection[Ref], inventory: Inventory
) -> tuple[Ref, ...]:
    """Without an event: the world heard of their end from the other registry, as of their beginning."""
    kept = {Ref(Kind.TEMPLATE, one.tenant, str(one.id)) for one in inventory.templates}
    kept |= {Ref(Kind.DEVICE, one.tenant, one.id) for one in inventory.devices}
    gone = sorted(set(former) - kept)
    devices = transaction.devices([(ref.tenant, DeviceId(ref.id)) for ref in gone if _is_device(ref)], ())
    waiting = [row for row in devices if _is_waiting(row)]
    transaction.remove_devices([(row.tenant, row.id) for row in waiting])
    removed = [Ref(Kind.DEVICE, row.tenant, row.id) for row in waiting]
    templates = [ref for ref in gone if not _is_device(ref) and _remove_template(transaction, ref)]
    return (*templates, *removed)


def _remove_template(transaction: Transaction, ref: Ref) -> bool:
    row = transaction.template(ref.tenant, int(ref.id))
    if row is None or not _is_waiting(row) or transaction.usage(row.tenant, row.id).total:
        return False
    transaction.remove_template(row.tenant, row.id)
    return True


def _is_device(ref: Ref) -> bool:
    return ref.kind is Kind.DEVICE


def _is_waiting(row: DeviceRow | RegisteredTemplate) -> bool:
    """Whether no resource has ever had the row."""
    return not row.claimed and row.claim is not None and row.claim.uid == NEVER_CLAIMED


def _report(
    tenant: Tenant,
    templates: Sequence[_Pair[RegisteredTemplate]],
    devices: Sequence[_Pair[DeviceRow]],
    removed: tuple[Ref, ...],
) -> TakenOver:
    pairs = [(Ref(Kind.TEMPLATE, tenant, str(one.wanted.id)), one.due, one.claimed) for one in templates]
    pairs += [(Ref(Kind.DEVICE, tenant, one.wanted.id), one.due, one.claimed) for one in devices]
    return TakenOver(
        written=tuple(ref for ref, due, _ in pairs if due),
        same=tuple(ref for ref, due, claimed in pairs if not due and not claimed),
        claimed=tuple(ref for ref, _, claimed in pairs if claimed),
        removed=removed,
    )
