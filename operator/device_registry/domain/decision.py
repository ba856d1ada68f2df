"""Wanted and recorded go in, what to do comes out. Nothing here reads or writes.

Reconcile gathers the values, calls these functions and acts on the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from . import rules
from .events import EventType
from .model import (
    AdoptionPolicy,
    Claim,
    Declared,
    DeletionPolicy,
    DeviceId,
    DeviceRow,
    DeviceSpec,
    Document,
    RegisteredTemplate,
    TemplateSpec,
    Tenant,
)
from .reasons import Reason
from .rendering import Identity, device_document
from .rules import Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Store the row; when `event` is set, tell the world in the same transaction."""

    row: DeviceRow
    event: EventType | None
    displaced: Claim | None = None
    """The younger claimant that loses the row by this write and must be looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """The row is as it should be; nothing is written to it."""

    row: DeviceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """Delete the row and tell the world."""

    row: DeviceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Keep the row, but without a resource behind it; nobody is told."""

    row: DeviceRow


Decision = Write | Keep | Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that is needed to decide about one device."""

    namespace: str
    """The namespace that stands for the device's tenant."""
    former: Tenant | None = None
    """Another tenant that the device's namespace still has rows of."""
    templates: Mapping[str, RegisteredTemplate]
    """The templates of the namespace by resource name, at least those that the device names."""
    own: DeviceRow | None
    """The row that this resource holds."""
    row: DeviceRow | None
    """The row that has the wanted id."""
    wanted: DeviceId
    now: datetime
    keys_change: bool = False
    """Whether keys of the device come, change or go: no document shows them, but the world hears of it."""


def decide(declared: Declared[DeviceSpec], facts: Facts) -> Decision:
    """What to do about a device that is declared; what is older than the row changes nothing."""
    if facts.own and is_outdated(declared, facts.own):
        return Keep(row=facts.own)
    violation = (
        rules.namespace_is_free(declared, facts.former)
        or rules.tenant_is_kept(declared, facts.namespace, facts.own)
        or rules.check_device(declared.spec, facts.templates)
        or rules.templates_stay(declared.spec, facts.templates, facts.own)
        or rules.id_is_kept(declared.spec, facts.own)
        or rules.id_is_free(declared.claim, facts.row)
    )
    if violation:
        return violation
    if facts.row is None:
        return Write(row=_first(declared, facts), event=EventType.CREATE)
    if _must_adopt(declared, facts.row):
        return _adopt(declared, facts.row, facts)
    return _update(declared, facts.row, facts)


def is_outdated(
    declared: Declared[DeviceSpec] | Declared[TemplateSpec], own: DeviceRow | RegisteredTemplate
) -> bool:
    """Whether the row shows a later generation of the same resource already."""
    same = own.claim is not None and own.claim.uid == declared.uid
    return same and own.claimed and declared.generation < own.generation


def forget(row: DeviceRow, policy: DeletionPolicy) -> Remove | Release:
    """What to do about the row of a device whose resource is being deleted."""
    return Remove(row=row) if policy is DeletionPolicy.DELETE else Release(row=row)


def rerender(row: DeviceRow, templates: Mapping[str, RegisteredTemplate]) -> Write | Violation:
    """The row after a template of its device changed; `updated` stays (contract: cascade).

    The world hears of it when the document differs, and when the template asks for it.
    """
    violation = rules.check_device(row.spec, templates)
    if violation:
        return violation
    used = [templates[name] for name in row.spec.templates]
    rendered = _render(row, row.spec, used)
    if rendered.document.hash == row.document.hash and not _template_asks(row, used):
        return Write(row=rendered, event=None)
    return Write(row=replace(rendered, revision=row.revision + 1), event=EventType.UPDATE)


def _must_adopt(declared: Declared[DeviceSpec], row: DeviceRow) -> bool:
    """Whether the row was never this resource's: re-creating a resource takes its row back freely."""
    return not row.claimed and (row.claim is None or row.claim.place != declared.claim.place)


def _adopt(declared: Declared[DeviceSpec], row: DeviceRow, facts: Facts) -> Decision:
    adopted = _update(declared, row, facts)
    policy = declared.spec.adoption_policy
    identical = isinstance(adopted, Write) and adopted.event is None
    if policy is AdoptionPolicy.ADOPT or (policy is AdoptionPolicy.IF_IDENTICAL and identical):
        return adopted
    return Violation(
        reason=Reason.ALREADY_EXISTS,
        message=f'an unclaimed device has the id "{row.id}" and spec.adoptionPolicy is {policy};'
        " set it to Adopt to take the device over, or delete the row"
        f" (device-manager unclaimed delete {row.id} --tenant {row.tenant})",
    )


def _first(declared: Declared[DeviceSpec], facts: Facts) -> DeviceRow:
    blank = DeviceRow(
        tenant=declared.tenant,
        id=facts.wanted,
        spec=declared.spec,
        document=Document(body="", hash="", terms=()),
        created=facts.now,
        claim=declared.claim,
        generation=declared.generation,
    )
    return _render(blank, declared.spec, _used(declared, facts))


def _update(declared: Declared[DeviceSpec], row: DeviceRow, facts: Facts) -> Decision:
    """The row as declared now; one that is intact and whose document stays the same causes no event.

    Unless the device, or one of its templates, asks for it.
    """
    claimed = replace(
        row, claim=declared.claim, generation=declared.generation, unclaimed_since=None, intact=True
    )
    used = _used(declared, facts)
    rendered = _render(claimed, declared.spec, used)
    asked = facts.keys_change or _asks(declared.spec, row) or _template_asks(row, used)
    displaced = row.claim if row.claimed and row.claim and _taken(row.claim, declared) else None
    if row.intact and rendered.document.hash == row.document.hash and not asked:
        return Keep(row=row) if rendered == row else Write(row=rendered, event=None, displaced=displaced)
    moved = replace(rendered, updated=facts.now, revision=row.revision + 1)
    return Write(
        row=_render(moved, declared.spec, used),
        event=EventType.UPDATE,
        displaced=displaced,
    )


def _asks(spec: DeviceSpec, row: DeviceRow) -> bool:
    """Whether there is a token that the row does not know."""
    return spec.announce is not None and spec.announce != row.spec.announce


def _template_asks(row: DeviceRow, used: list[RegisteredTemplate]) -> bool:
    """Whether a template wants its devices told, and this one was not since."""
    return any(row.templates.get(one.id, one.revision) < one.announced_revision for one in used)


def _taken(claim: Claim, declared: Declared[DeviceSpec]) -> bool:
    return claim.place != declared.claim.place


def _used(declared: Declared[DeviceSpec], facts: Facts) -> list[RegisteredTemplate]:
    return [facts.templates[name] for name in declared.spec.templates]


def _render(row: DeviceRow, spec: DeviceSpec, used: list[RegisteredTemplate]) -> DeviceRow:
    identity = Identity(tenant=row.tenant, id=row.id, created=row.created, updated=row.updated)
    return replace(
        row,
        spec=spec,
        document=device_document(identity, spec, used),
        templates={template.id: template.revision for template in used},
    )
