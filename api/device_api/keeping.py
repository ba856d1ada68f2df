"""What stays of a device when its templates change: overrides and keys go with their attributes."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from device_registry.domain.keys import psk_labels
from device_registry.domain.model import DeviceSpec, RegisteredTemplate


def with_templates(spec: DeviceSpec, places: Sequence[str], used: Sequence[RegisteredTemplate]) -> DeviceSpec:
    """The device with these templates, without keys that none of their attributes takes."""
    taken = psk_labels(used)
    kept = tuple(one for one in spec.credentials if one.attribute in taken)
    return replace(spec, templates=tuple(places), credentials=kept)


def lost_keys(before: DeviceSpec, after: DeviceSpec) -> set[str]:
    """Labels of attributes whose keys the device refers to no longer."""
    return {one.attribute for one in before.credentials} - {one.attribute for one in after.credentials}


def without_overrides_of(spec: DeviceSpec, identities: Iterable[tuple[str, str]]) -> DeviceSpec:
    """The device without overrides of these attributes, by label and type."""
    gone = set(identities)
    return replace(spec, overrides=tuple(one for one in spec.overrides if one.identity not in gone))
