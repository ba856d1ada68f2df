"""Devices of a dojot database: which templates they use, what they override, which keys they have."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from device_registry.domain.keys import psk_labels
from device_registry.domain.model import (
    MetadataOverride,
    Override,
    RegisteredAttribute,
    RegisteredMetadata,
    RegisteredTemplate,
)

from .findings import Finding, left_out, skipped
from .records import OldDevice, OldKey, OldOverride, OldTenant

MOST_TEMPLATES: Final = 16
"""What a Device may name (crds/devices.yaml)."""
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_ORPHAN: Final = "its template is not attached to the device (any more)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedDevice:
    """One device with what belongs to it."""

    old: OldDevice
    templates: tuple[RegisteredTemplate, ...]
    """By id: dojot keeps no order."""
    overrides: tuple[Override, ...]
    keys: Mapping[str, OldKey] = field(default_factory=dict)
    """By label of the attribute."""


def convert_devices(
    old: OldTenant, templates: Mapping[int, RegisteredTemplate]
) -> tuple[list[ConvertedDevice], list[Finding]]:
    """The devices, without those that cannot be declared, and what is to be said."""
    uses, overrides, keys = _by_device(old)
    findings: list[Finding] = []
    devices = []
    for one in old.devices:
        problem = _problem(one, uses[one.id], templates)
        if problem:
            findings.append(left_out(f"device {one.id.rstrip()}", problem))
            continue
        used = tuple(templates[number] for number in uses[one.id])
        found, remarks = _overrides(overrides[one.id], used)
        kept, more = _keys(keys[one.id], used)
        findings += [*remarks, *more]
        devices.append(ConvertedDevice(old=one, templates=used, overrides=found, keys=kept))
    return devices, findings


def _by_device(
    old: OldTenant,
) -> tuple[dict[str, list[int]], dict[str, list[OldOverride]], dict[str, list[OldKey]]]:
    uses: dict[str, list[int]] = defaultdict(list)
    overrides: dict[str, list[OldOverride]] = defaultdict(list)
    keys: dict[str, list[OldKey]] = defaultdict(list)
    for device, template in old.uses:
        uses[device].append(template)
    for override in old.overrides:
        overrides[override.did].append(override)
    for key in old.keys:
        keys[key.device_id].append(key)
    return uses, overrides, keys


def _problem(device: OldDevice, uses: Sequence[int], templates: Mapping[int, RegisteredTemplate]) -> str:
    """Why a Device cannot declare it, with what to change in dojot; empty when it can."""
    if not _ID.fullmatch(device.id):
        return (
            f"its id is {device.id!r}: only letters, digits and . _ : - are possible, beginning with a letter"
            " or a digit; create the device again with another id"
        )
    if len(uses) > MOST_TEMPLATES:
        return f"it has {len(uses)} templates, {MOST_TEMPLATES} are possible; merge some"
    missing = [number for number in uses if number not in templates]
    if missing:
        return f"it uses the template {missing[0]}, which is left out"
    return _clash([templates[number] for number in uses])


def _clash(used: Sequence[RegisteredTemplate]) -> str:
    first: dict[tuple[str, str], int] = {}
    for template in used:
        for one in template.attributes:
            other = first.setdefault(one.identity, template.id)
            if other != template.id:
                return (
                    f"its templates {other} and {template.id} both have the attribute {one.label} of type"
                    f" {one.type}; take one of them from it"
                )
    return ""


# --- overrides --------------------------------------------------------------------------------------


_Target = tuple[RegisteredAttribute, RegisteredMetadata | None]
"""An attribute of a device, or one of its metadata."""


def _targets(used: Sequence[RegisteredTemplate]) -> dict[int, _Target]:
    """By id, in the order of the document."""
    targets: dict[int, _Target] = {}
    for attribute in (one for template in used for one in template.attributes):
        targets[attribute.id] = (attribute, None)
        targets |= {entry.id: (attribute, entry) for entry in attribute.metadata}
    return targets


def _overrides(
    old: Sequence[OldOverride], used: Sequence[RegisteredTemplate]
) -> tuple[tuple[Override, ...], list[Finding]]:
    """The newest value counts where there are several; values that dojot does not show are skipped."""
    targets = _targets(used)
    values: dict[int, str] = {}
    findings = []
    for one in old:
        problem = _override_problem(one, targets, values)
        if problem:
            findings.append(skipped(f"override {one.id} of device {one.did}", problem))
        if one.aid in targets and one.static_value is not None:
            values[one.aid] = one.static_value
    return tuple(_merged(targets, values)), findings


def _override_problem(one: OldOverride, targets: Mapping[int, _Target], values: Mapping[int, str]) -> str:
    if one.aid not in targets:
        return _ORPHAN
    if one.static_value is None:
        return "it has no value"
    return "there is an older one for the same attribute, which it replaces" if one.aid in values else ""


def _merged(targets: Mapping[int, _Target], values: Mapping[int, str]) -> Iterator[Override]:
    """One override for each attribute that is touched, or whose metadata are."""
    touched = {id(targets[aid][0]): targets[aid][0] for aid in targets if aid in values}
    for attribute in touched.values():
        metadata = tuple(
            MetadataOverride(label=entry.label, type=entry.type, static_value=values[entry.id])
            for entry in attribute.metadata
            if entry.id in values
        )
        yield Override(
            label=attribute.label,
            type=attribute.type,
            static_value=values.get(attribute.id),
            metadata=metadata,
        )


# --- keys -------------------------------------------------------------------------------------------


def _keys(
    old: Sequence[OldKey], used: Sequence[RegisteredTemplate]
) -> tuple[dict[str, OldKey], list[Finding]]:
    takers = psk_labels(used)
    attributes = {one.id: one for template in used for one in template.attributes}
    keys: dict[str, OldKey] = {}
    findings = []
    for one in old:
        attribute = attributes.get(one.attr_id)
        if attribute and attribute.type == "static" and attribute.label in takers:
            keys[attribute.label] = one
        else:
            problem = "its attribute is not a static one of value type psk" if attribute else _ORPHAN
            findings.append(skipped(f"key of device {one.device_id} for attribute {one.attr_id}", problem))
    return keys, findings
