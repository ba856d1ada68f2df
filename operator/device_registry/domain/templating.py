"""How a declared template becomes a registered one: which ids stay, which are new, what counts as updated.

Contract: attributes are matched by (label, type) and keep their ids; another type is a new attribute;
ids are numbers of the tenant, attributes first, then the metadata of the template.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from .model import (
    Attribute,
    Declared,
    Metadata,
    RegisteredAttribute,
    RegisteredMetadata,
    RegisteredTemplate,
    TemplateSpec,
)

_Known = Mapping[tuple[str, str], RegisteredAttribute]
_Registered = TypeVar("_Registered", RegisteredAttribute, RegisteredMetadata)


def ids_needed(recorded: RegisteredTemplate | None, spec: TemplateSpec) -> int:
    """How many new attribute and metadata ids `revise` will ask for."""
    known = _known(recorded)
    return sum(_ids_of(attribute, known.get(attribute.identity)) for attribute in spec.attributes)


def _ids_of(attribute: Attribute, recorded: RegisteredAttribute | None) -> int:
    entries = {(one.label, one.type) for one in recorded.metadata} if recorded else set()
    own = 0 if recorded or attribute.id else 1
    return own + sum(1 for one in attribute.metadata if (one.label, one.type) not in entries and not one.id)


def pinned_ids(spec: TemplateSpec) -> tuple[int, ...]:
    """The attribute and metadata ids that a manifest insists on."""
    attributes = [one.id for one in spec.attributes if one.id]
    metadata = [one.id for attr in spec.attributes for one in attr.metadata if one.id]
    return tuple(attributes + metadata)


def create(
    declared: Declared[TemplateSpec], template_id: int, ids: Sequence[int], now: datetime
) -> RegisteredTemplate:
    """The first revision of a template."""
    return RegisteredTemplate(
        tenant=declared.tenant,
        id=template_id,
        label=declared.spec.label,
        revision=1,
        created=now,
        attributes=_attributes(declared.spec, {}, ids, now),
        claim=declared.claim,
        generation=declared.generation,
        announce=declared.spec.announce,
    )


def revise(
    recorded: RegisteredTemplate,
    declared: Declared[TemplateSpec],
    ids: Sequence[int],
    now: datetime,
) -> RegisteredTemplate:
    """The template as it is declared now; the revision moves when its document does, or by a wish.

    The wish is `announce`: the new revision then has every device told, whether it changes or not.

    `updated` of the template moves with its label and with the set of its attributes, not with their
    values: those have an `updated` of their own (contract, quirk 12).
    """
    attributes = _attributes(declared.spec, _known(recorded), ids, now)
    label = declared.spec.label
    changed = label != recorded.label or attributes != recorded.attributes
    touched = label != recorded.label or _identities(attributes) != _identities(recorded.attributes)
    announce = declared.spec.announce
    asked = announce is not None and announce != recorded.announce
    revision = recorded.revision + 1 if changed or asked else recorded.revision
    return replace(
        recorded,
        label=label,
        attributes=attributes,
        revision=revision,
        updated=now if touched else recorded.updated,
        claim=declared.claim,
        generation=declared.generation,
        unclaimed_since=None,
        terminating=False,
        announce=announce,
        announced_revision=revision if asked else recorded.announced_revision,
    )


def _identities(attributes: Sequence[RegisteredAttribute]) -> set[int]:
    return {attribute.id for attribute in attributes}


def _known(recorded: RegisteredTemplate | None) -> _Known:
    return {one.identity: one for one in recorded.attributes} if recorded else {}


def _attributes(
    spec: TemplateSpec, known: _Known, ids: Sequence[int], now: datetime
) -> tuple[RegisteredAttribute, ...]:
    """Attributes take their ids first, then all metadata: clients rely on that order."""
    supply = iter(ids)
    bare = [
        _merged(RegisteredAttribute, one, known.get(one.identity), supply, now) for one in spec.attributes
    ]
    return tuple(
        replace(registered, metadata=_entries(declared, registered.metadata, supply, now))
        for declared, registered in zip(spec.attributes, bare, strict=True)
    )


def _entries(
    declared: Attribute,
    recorded: Sequence[RegisteredMetadata],
    ids: Iterator[int],
    now: datetime,
) -> tuple[RegisteredMetadata, ...]:
    known = {(one.label, one.type): one for one in recorded}
    return tuple(
        _merged(RegisteredMetadata, one, known.get((one.label, one.type)), ids, now)
        for one in declared.metadata
    )


def _merged(
    kind: type[_Registered],
    declared: Attribute | Metadata,
    recorded: _Registered | None,
    ids: Iterator[int],
    now: datetime,
) -> _Registered:
    """The entry as it is declared now: known ones keep id and times unless a value moves."""
    if recorded is None:
        return kind(
            id=declared.id or next(ids),
            label=declared.label,
            type=declared.type,
            value_type=declared.value_type,
            static_value=declared.static_value,
            created=now,
        )
    wanted = (declared.value_type, declared.static_value)
    same = (recorded.value_type, recorded.static_value) == wanted
    return replace(
        recorded,
        value_type=declared.value_type,
        static_value=declared.static_value,
        updated=recorded.updated if same else now,
    )
