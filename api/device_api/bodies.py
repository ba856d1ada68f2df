"""Bodies of POST and PUT /device as values, refused exactly as the contract refuses them (REST: refusals).

Unknown fields are ignored; clients send back whole objects as they got them. The order of the checks is the
contract's: JSON, the outer object, then override by override, then what repeats.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from device_registry.domain.model import DeviceId
from device_registry.domain.rendering import to_json

from . import fields
from .fields import Fault, Fields, by_field
from .problems import Problem, malformed, refusal
from .template_bodies import MOST_ATTRIBUTES, MOST_METADATA

MOST_TEMPLATES = 16

_DEVICE_ID = re.compile(r"[0-9a-fA-F]{2,6}")
_REPEATED = ["a device can not have repeated attributes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataEntry:
    """An override of a metadata entry as a client names it."""

    id: Any
    static_value: str | None
    inherited: bool = False
    """Whether the client says that this was the template's value when it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideEntry:
    """An override as a client names it: ids as they came, numbers or texts."""

    template_id: Any
    id: Any
    static_value: str | None
    metadata: tuple[MetadataEntry, ...] = ()
    inherited: bool = False
    """Whether the client says that this was the template's value when it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBody:
    """A device as a client describes it."""

    label: str
    templates: tuple[int | str, ...] = ()
    """Ids of templates, numbers or texts, in the order of the document."""
    overrides: tuple[OverrideEntry, ...] = ()
    id: DeviceId | None = None

    def labels(self, count: int) -> list[str]:
        """The labels of so many devices, numbered when there are several. Raises Problem (400)."""
        if count == 1:
            return [self.label]
        width = len(str(count))
        labels = [f"{self.label}_{index:0{width}d}" for index in range(count)]
        if len(labels[0]) > fields.LABEL_LENGTH:
            raise malformed({"label": [f"Longer than maximum length {fields.LABEL_LENGTH}."]})
        return labels


def new_device(body: Any, *, with_id: bool) -> DeviceBody:
    """The device that a body of POST describes; its id is not looked at unless `with_id`.

    Raises Problem (400).
    """
    return _device(body, Fields.optional, with_id=with_id)


def listed_device(body: Any) -> DeviceBody:
    """A device of an import: its overrides are a list, if there are any. Raises Problem (400)."""
    described = new_device(body, with_id=False)
    if not isinstance(body.get("attrs", []), list):
        raise malformed({"attrs": [fields.WRONG_TYPE]})
    return described


def changed_device(body: Any) -> DeviceBody:
    """The device that a body of PUT describes: other than at first it must name its templates.

    Raises Problem (400).
    """
    return _device(body, Fields.required, with_id=False)


def _device(
    body: Any, templates_are: Callable[[Fields, str, fields.Rule], Any], *, with_id: bool
) -> DeviceBody:
    try:
        read = Fields(body)
        label = read.required("label", fields.text(fields.LABEL_LENGTH))
        templates = templates_are(read, "templates", template_references)
        entries = read.optional("attrs", _override_entries, [])
        read.check()
    except Fault as fault:
        raise malformed(by_field(fault)) from fault
    if isinstance(body.get("attrs"), list):
        _check_labels(entries)
    device_id = _device_id(body.get("id")) if with_id else None
    overrides = tuple(_override(entry) for entry in entries)
    return DeviceBody(label=label, templates=templates or (), overrides=overrides, id=device_id)


def template_references(value: Any) -> tuple[int | str, ...]:
    """Ids of templates, numbers or texts."""
    references: tuple[int | str, ...] = fields.list_of(_template_id, MOST_TEMPLATES)(value)
    return references


def _template_id(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Fault(fields.NO_INTEGER)
    return value


def _override_entries(value: Any) -> list[dict[str, Any]]:
    """A list, or an object of lists by template: the shape in which GET shows them."""
    if value is None:
        raise Fault(fields.NULL)
    if isinstance(value, dict) and all(isinstance(group, list) for group in value.values()):
        value = [entry for group in value.values() for entry in group]
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise Fault(fields.WRONG_TYPE)
    if len(value) > MOST_ATTRIBUTES:
        raise Fault(f"Longer than maximum length {MOST_ATTRIBUTES}.")
    return value


def _check_labels(entries: Sequence[Mapping[str, Any]]) -> None:
    """Labels of overrides only tell overrides apart; which attribute is meant is told by ids."""
    labels: set[str] = set()
    for entry in entries:
        if "label" not in entry:
            raise refusal(["missing label attribute"])
        if _is_nested(entry["label"]):
            raise malformed({"label": [fields.NO_TEXT]}, "attr")
        label = to_json(entry["label"])
        if label in labels:
            raise refusal(_REPEATED)
        labels.add(label)


def _device_id(value: Any) -> DeviceId | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _DEVICE_ID.fullmatch(value):
        raise refusal(["Device ID must be 2-6 characters and must be hexadecimal (0-9,a-f,A-F)."])
    return DeviceId(value)


def _override(entry: Mapping[str, Any]) -> OverrideEntry:
    for name in ("template_id", "id"):
        if name not in entry:
            raise refusal([f"missing {name} attribute"])
        if _is_nested(entry[name]):
            raise malformed({name: [fields.NO_INTEGER]}, "attr")
    try:
        read = Fields(entry)
        value = read.optional("static_value", fields.optional_static_value)
        metadata = read.optional("metadata", fields.list_of(_metadata_override, MOST_METADATA), ())
        read.check()
    except Fault as fault:
        raise malformed(by_field(fault), "attr") from fault
    return OverrideEntry(
        template_id=entry["template_id"],
        id=entry["id"],
        static_value=value,
        metadata=metadata,
        inherited=_is_inherited(entry),
    )


def _is_nested(value: Any) -> bool:
    """Whether it is a list or an object: what was just read may be too deep to be written again."""
    return isinstance(value, list | dict)


def _metadata_override(value: Any) -> MetadataEntry:
    read = Fields(value)
    entry = MetadataEntry(
        id=read.required("id", lambda one: one),
        static_value=read.optional("static_value", fields.optional_static_value),
        inherited=_is_inherited(value),
    )
    read.check()
    return entry


def _is_inherited(entry: Mapping[str, Any]) -> bool:
    return entry.get("is_static_overridden") is False


def repeated_override() -> Problem:
    """Two overrides of one device are for the same attribute."""
    return refusal(_REPEATED)
