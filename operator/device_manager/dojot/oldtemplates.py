"""Templates of a dojot database as rows of our registry, ids and times included."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from device_registry.domain.model import RegisteredAttribute, RegisteredMetadata, RegisteredTemplate, Tenant

from .findings import Finding, left_out, skipped
from .records import OldAttribute, OldTemplate, OldTenant

MOST_ATTRIBUTES: Final = 256
MOST_METADATA: Final = 32
"""What a Template may declare (crds/templates.yaml)."""
_LABEL: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


def convert_templates(old: OldTenant) -> tuple[dict[int, RegisteredTemplate], list[Finding]]:
    """The templates by id, without those that cannot be declared, and what is to be said."""
    attributes, metadata, findings = _sorted_out(old)
    templates: dict[int, RegisteredTemplate] = {}
    for one in old.templates:
        entries = attributes.get(one.id, [])
        problem = next(_problems(entries, metadata), None)
        if problem:
            findings.append(left_out(f"template {one.id}", problem))
        else:
            templates[one.id] = _template(old.name, one, entries, metadata)
    return templates, findings


_Groups = Mapping[int, Sequence[OldAttribute]]


def _sorted_out(old: OldTenant) -> tuple[_Groups, _Groups, list[Finding]]:
    """Attributes by template, metadata by attribute, and what belongs to neither."""
    attributes: dict[int, list[OldAttribute]] = defaultdict(list)
    metadata: dict[int, list[OldAttribute]] = defaultdict(list)
    findings = []
    known = {one.id for one in old.attributes if one.template_id is not None}
    for one in old.attributes:
        if one.template_id is not None:
            attributes[one.template_id].append(one)
        elif one.parent_id in known and one.parent_id is not None:
            metadata[one.parent_id].append(one)
        else:
            findings.append(skipped(f"attribute {one.id}", "it belongs to no template and to no attribute"))
    return attributes, metadata, findings


def _problems(attributes: Sequence[OldAttribute], metadata: _Groups) -> Iterator[str]:
    """Why a Template cannot declare these; each says what to change in dojot."""
    if len(attributes) > MOST_ATTRIBUTES:
        yield f"it has {len(attributes)} attributes, {MOST_ATTRIBUTES} are possible; split it"
    for one in attributes:
        if not _LABEL.fullmatch(one.label):
            yield (
                f"its attribute {one.id} has the label {one.label!r}: only letters, digits, _ and - are"
                " possible; rename it"
            )
        yield from _metadata_problems(one, metadata.get(one.id, ()))


def _metadata_problems(attribute: OldAttribute, entries: Sequence[OldAttribute]) -> Iterator[str]:
    labels = [one.label for one in entries]
    where = f"its attribute {attribute.id} ({attribute.label})"
    if len(entries) > MOST_METADATA:
        yield f"{where} has {len(entries)} metadata, {MOST_METADATA} are possible; remove some"
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        yield f"{where} has the metadata {twice!r} twice; remove one"
    if "" in labels:
        yield f"{where} has metadata without a label; name it or remove it"


def _template(
    tenant: str, one: OldTemplate, attributes: Sequence[OldAttribute], metadata: _Groups
) -> RegisteredTemplate:
    return RegisteredTemplate(
        tenant=Tenant(tenant),
        id=one.id,
        label=one.label,
        revision=1,
        created=one.created,
        updated=one.updated,
        attributes=tuple(_attribute(attribute, metadata.get(attribute.id, ())) for attribute in attributes),
    )


def _attribute(one: OldAttribute, metadata: Sequence[OldAttribute]) -> RegisteredAttribute:
    return RegisteredAttribute(
        id=one.id,
        label=one.label,
        type=one.type,
        value_type=one.value_type,
        static_value=one.static_value,
        created=one.created,
        updated=one.updated,
        metadata=tuple(_entry(entry) for entry in metadata),
    )


def _entry(one: OldAttribute) -> RegisteredMetadata:
    return RegisteredMetadata(
        id=one.id,
        label=one.label,
        type=one.type,
        value_type=one.value_type,
        static_value=one.static_value,
        created=one.created,
        updated=one.updated,
    )
