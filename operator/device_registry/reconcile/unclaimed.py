"""What people do about rows that no resource stands behind: `device-manager unclaimed` calls it.

Rows are looked at again under the locks of the transaction that writes: what a resource has claimed since
the person looked is left to that resource.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from device_registry.domain.errors import NotFound, Refused
from device_registry.domain.events import EventType, device_event
from device_registry.domain.model import Claim, DeviceId, DeviceRow, Key, Kind, RegisteredTemplate, Tenant
from device_registry.domain.reasons import Reason
from device_registry.ports import Place, Transaction

NEVER_CLAIMED = ""
"""The uid of a claim that was noted for a resource which is yet to come."""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Names a row for people: `device/a1b2c3`, `template/12`."""

    kind: Kind
    tenant: Tenant
    id: str

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.id}"


def remove(transaction: Transaction, ref: Ref, now: datetime) -> list[Key]:
    """Delete an unclaimed row and, for a device, tell the world; answers the resources to look at again.

    Raises NotFound when there is no such row, and Refused when a resource claims it or devices use it.
    """
    if ref.kind is Kind.TEMPLATE:
        _remove_template(transaction, ref)
        return []
    row = unclaimed_device(transaction, ref)
    transaction.remove_devices([(row.tenant, row.id)])
    transaction.append([device_event(EventType.REMOVE, row, now)])
    used = {(row.tenant, template_id) for template_id in row.templates}
    return [*transaction.losers([(row.tenant, row.id)]), *transaction.blocked(used)]


def _remove_template(transaction: Transaction, ref: Ref) -> None:
    row = unclaimed_template(transaction, ref)
    users = transaction.users(row.tenant, row.id, limit=3)
    if users:
        raise Refused(
            Reason.IN_USE,
            f"{ref} of the tenant {ref.tenant} is used by the devices {', '.join(users)} and perhaps more;"
            " delete them first",
        )
    transaction.remove_template(row.tenant, row.id)


def reserve(transaction: Transaction, ref: Ref, place: Place, now: datetime) -> None:
    """Note that the resource at this place shall have the row, which it takes in silence if nothing differs.

    Raises NotFound and Refused as `remove` does, and Refused when the place holds another row.
    """
    namespace, name = place
    claim = Claim(namespace=namespace, name=name, uid=NEVER_CLAIMED, created=now)
    if ref.kind is Kind.TEMPLATE:
        template = unclaimed_template(transaction, ref)
        check_place(ref, transaction.template_at(place))
        since = template.unclaimed_since or now
        transaction.save_template(replace(template, claim=claim, unclaimed_since=since, generation=0))
        return
    row = unclaimed_device(transaction, ref)
    for other in transaction.devices((), [place]):
        check_place(ref, other)
    since = row.unclaimed_since or now
    transaction.save_devices([replace(row, claim=claim, unclaimed_since=since, generation=0)])


def unclaimed_device(transaction: Transaction, ref: Ref) -> DeviceRow:
    """The row, locked. Raises NotFound, and Refused when a resource claims it."""
    found = transaction.devices([(ref.tenant, DeviceId(ref.id))], ())
    return _unclaimed(ref, found)


def unclaimed_template(transaction: Transaction, ref: Ref) -> RegisteredTemplate:
    """The row, locked. Raises NotFound, and Refused when a resource claims it."""
    found = transaction.template(ref.tenant, int(ref.id)) if ref.id.isdecimal() else None
    return _unclaimed(ref, [found] if found else [])


_Row = TypeVar("_Row", DeviceRow, RegisteredTemplate)


def _unclaimed(ref: Ref, found: Sequence[_Row]) -> _Row:
    if not found:
        raise NotFound(f"the tenant {ref.tenant} has no {ref}; see `device-manager unclaimed list`")
    row = found[0]
    if row.claimed:
        raise Refused(
            Reason.ALREADY_EXISTS,
            f"{ref} of the tenant {ref.tenant} is claimed by the {ref.kind} {row.claim};"
            " change or delete that resource instead",
        )
    return row


def check_place(ref: Ref, other: DeviceRow | RegisteredTemplate | None) -> None:
    """Raises Refused when the resource at the place that `ref` shall have holds another row already."""
    if other is None or (other.tenant, str(other.id)) == (ref.tenant, ref.id) or not other.claim:
        return
    raise Refused(
        Reason.IDENTITY_CONFLICT,
        f"{ref.kind} {other.claim} has the row {ref.kind.lower()}/{other.id} already;"
        f" choose another name for {ref}",
    )
