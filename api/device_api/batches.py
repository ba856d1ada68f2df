"""POST /device/batch, as release 1.0 has it: many devices, each with an outcome of its own.

A request either describes devices that differ by a number (`devicesPrefix`, `quantity`), or lists bodies as
POST /device takes them (`devices`). What is wrong with one device stops no other. A device that exists is no
failure, however late it is: who sends it again would have it twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from device_registry.domain.errors import RegistryError, RegistryUnavailable, Unavailable
from device_registry.domain.model import DeviceId, Tenant

from . import bulk, devices, fields, fitting, publication
from .bodies import DeviceBody, new_device, template_references
from .context import Context
from .devices import NewDevice
from .fields import Fault, Fields, by_field
from .parameters import MOST_AT_ONCE
from .problems import Problem, accepted, malformed, refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One device of a batch: its body, or why it has none."""

    label: str
    body: DeviceBody | Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A device that was not made."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """How a batch ended, each list in the order of the request."""

    successes: Sequence[str]
    """Documents."""
    failures: Sequence[Failure]
    accepted: Sequence[NewDevice] = ()
    """What the cluster has taken and the registry does not show yet."""
    late: Problem | None = None
    """The 202 that it is answered with, besides these lists; None when nothing is late."""


_Made = DeviceId | Problem | RegistryError

_NUMBERED: Final = ("devicesPrefix", "quantity", "initialSuffixNumber")


async def create(context: Context, tenant: Tenant, body: Any) -> BatchResult:
    """Make the devices that a body asks for.

    Raises Problem: 400 for a body without its shape, 422 when templates of numbered devices are not there or
    do not fit together. Raises Unavailable when nothing could be done because a system is away.
    """
    items = await _items(context, tenant, body)
    with publication.later():
        made = await bulk.in_portions([_make(context, tenant, one) for one in items])
    if items and all(isinstance(one, Unavailable) for one in made):
        raise next(one for one in made if isinstance(one, Unavailable))
    return await _result(context, tenant, items, made)


async def _items(context: Context, tenant: Tenant, body: Any) -> list[Item]:
    if isinstance(body, dict) and "devices" in body:
        return [_listed(one) for one in _read(body, _list)]
    items: list[Item] = _read(body, _numbered)
    described = items[0].body
    assert isinstance(described, DeviceBody), "numbered devices are described by the request itself"
    await _check_templates(context, tenant, described.templates)
    return items


def _read(body: Any, rule: Callable[[Fields], Any]) -> Any:
    try:
        read = Fields(body)
        found = rule(read)
        read.check()
    except Fault as fault:
        raise malformed(by_field(fault)) from fault
    return found


def _list(read: Fields) -> Any:
    return read.required("devices", _some)


def _some(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Fault(fields.WRONG_TYPE)
    if len(value) > MOST_AT_ONCE:
        raise Fault(f"Longer than maximum length {MOST_AT_ONCE}.")
    return value


def _listed(value: Any) -> Item:
    label = value.get("label") if isinstance(value, dict) else None
    shown = label if isinstance(label, str) else ""
    try:
        return Item(label=shown, body=new_device(value, with_id=True))
    except Problem as problem:
        return Item(label=shown, body=problem)


def _numbered(read: Fields) -> list[Item]:
    prefix = read.required("devicesPrefix", fields.text(fields.LABEL_LENGTH, 1))
    quantity = read.required("quantity", fields.number(1, MOST_AT_ONCE))
    first = read.optional("initialSuffixNumber", fields.number(0, 2**31), 1)
    templates = read.optional("templates", template_references, ())
    read.check()
    labels = [f"{prefix}-{number}" for number in range(first, first + quantity)]
    if len(labels[-1]) > fields.LABEL_LENGTH:
        raise Fault({"devicesPrefix": [f"Longer than maximum length {fields.LABEL_LENGTH}."]})
    return [Item(label=label, body=DeviceBody(label=label, templates=templates)) for label in labels]


async def _check_templates(context: Context, tenant: Tenant, templates: Sequence[int | str]) -> None:
    """What is wrong with one is wrong with all of them."""
    try:
        used = await fitting.find_all(context, tenant, templates)
        fitting.check_conflicts(used, "new")
    except Problem as problem:
        raise refusal(str(problem.body["message"]), HTTPStatus.UNPROCESSABLE_ENTITY) from problem


async def _make(context: Context, tenant: Tenant, item: Item) -> _Made:
    if isinstance(item.body, Problem):
        return item.body
    made = await bulk.caught(devices.create(context, tenant, item.body, 1))
    return made if isinstance(made, Exception) else made[0].id


async def _result(
    context: Context, tenant: Tenant, items: Sequence[Item], made: Sequence[_Made]
) -> BatchResult:
    made, documents = await _shown(context, tenant, made)
    ended = list(zip(items, made, strict=True))
    ids = [one for one in made if isinstance(one, str)]
    late = [_accepted(item, one) for item, one in ended if isinstance(one, Problem) and bulk.is_late(one)]
    failures = [
        Failure(label=item.label, reason=_reason(one))
        for item, one in ended
        if isinstance(one, Exception) and not bulk.is_late(one)
    ]
    return BatchResult(
        successes=[documents[one] for one in ids if one in documents],
        failures=failures,
        accepted=late,
        late=accepted("/device") if late else await _unacknowledged(context, ids),
    )


async def _shown(
    context: Context, tenant: Tenant, made: Sequence[_Made]
) -> tuple[Sequence[_Made], Mapping[DeviceId, str]]:
    """The documents of what was made; it counts as late when nobody can show it now."""
    try:
        return made, await context.reader.documents(tenant, [one for one in made if isinstance(one, str)])
    except RegistryUnavailable:
        return [accepted(f"/device/{one}") if isinstance(one, str) else one for one in made], {}


def _accepted(item: Item, late: Problem) -> NewDevice:
    """The device that a 202 speaks of."""
    return NewDevice(id=DeviceId(late.headers["Location"].rpartition("/")[2]), label=item.label)


async def _unacknowledged(context: Context, ids: Sequence[DeviceId]) -> Problem | None:
    """Wait for Kafka, once for all of them, if the request wants that; the 202 when it does not follow."""
    try:
        await publication.wait(context, dict.fromkeys(ids), "/device")
    except Problem as problem:
        return problem
    return None


def _reason(error: Exception) -> str:
    """One sentence, whatever the shape of the refusal is."""
    if not isinstance(error, Problem):
        return str(error)
    message, errors = error.body["message"], error.body.get("errors")
    told = ", ".join(message) if isinstance(message, list) else str(message)
    return f"{told}: {errors}" if errors else told
