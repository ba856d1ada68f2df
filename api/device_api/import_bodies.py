"""The body of POST /import as values: templates and devices with the ids that they had where they come from.

Other than with POST, ids are not ignored but wanted: of devices, templates, attributes and metadata. Whatever
is wrong, the contract has one sentence for it; the reason is told in the header `X-Detail`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any

from device_registry.domain.model import (
    Attribute,
    DeviceId,
    RegisteredAttribute,
    RegisteredMetadata,
    RegisteredTemplate,
    Tenant,
)

from . import fields
from .bodies import DeviceBody, listed_device
from .fields import Fault, Fields
from .parameters import identifier
from .problems import Problem
from .template_bodies import template_body

_DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,7}")
"""What an id may be in a resource, as long as the original's database takes it."""
_MOST_DETAIL = 1024
"""Characters of the header `X-Detail`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedTemplate:
    """A template with its ids."""

    id: int
    label: str
    attributes: tuple[Attribute, ...]

    def registered(self, tenant: Tenant, now: datetime) -> RegisteredTemplate:
        """The template as the registry is going to show it."""
        return RegisteredTemplate(
            tenant=tenant,
            id=self.id,
            label=self.label,
            revision=1,
            created=now,
            attributes=tuple(_registered(one, now) for one in self.attributes),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedDevice:
    """A device with its id."""

    id: DeviceId
    body: DeviceBody


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportBody:
    """Everything that a tenant is to have."""

    templates: tuple[ImportedTemplate, ...]
    devices: tuple[ImportedDevice, ...]


def import_body(body: Any) -> ImportBody:
    """The import that a body describes. Raises Problem (400)."""
    try:
        read = Fields(body)
        templates = read.required("templates", _list)
        devices = read.required("devices", _list)
        read.check()
    except Fault as fault:
        raise failed(f"{fault}") from fault
    described = ImportBody(
        templates=tuple(_template(one, f"templates[{at}]") for at, one in enumerate(templates)),
        devices=tuple(_device(one, f"devices[{at}]") for at, one in enumerate(devices)),
    )
    _check_repetitions(described)
    return described


def failed(detail: str) -> Problem:
    """The import is refused as a whole."""
    return _problem("Failed to import data", detail)


def violated(detail: str) -> Problem:
    """Parts of the import do not go together."""
    return _problem("Template attribute constraints are violated by the request", detail)


def _problem(message: str, detail: str) -> Problem:
    status = HTTPStatus.BAD_REQUEST
    return Problem(status, {"message": message, "status": int(status)}, **{"X-Detail": _for_a_header(detail)})


def _for_a_header(text: str) -> str:
    """The text, which may have words of the client in it, as one line of ASCII that is never too long."""
    shown = (one if " " <= one <= "~" else ascii(one)[1:-1] for one in text[:_MOST_DETAIL])
    return "".join(shown)[:_MOST_DETAIL]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Fault(fields.WRONG_TYPE)
    return value


# --- templates --------------------------------------------------------------------------------------


def _template(value: Any, where: str) -> ImportedTemplate:
    try:
        described = template_body(value)
    except Problem as problem:
        raise failed(f"{where}: {problem}") from problem
    entries = value["attrs"]
    attributes = described.attributes_over(())
    return ImportedTemplate(
        id=_number(value, where),
        label=described.label,
        attributes=tuple(
            _with_ids(attribute, entry, f"{where}.attrs[{at}]")
            for at, (attribute, entry) in enumerate(zip(attributes, entries, strict=True))
        ),
    )


def _with_ids(attribute: Attribute, entry: Mapping[str, Any], where: str) -> Attribute:
    metadata = tuple(
        replace(one, id=_number(described, f"{where}.metadata[{at}]"))
        for at, (one, described) in enumerate(
            zip(attribute.metadata, entry.get("metadata") or (), strict=True)
        )
    )
    return replace(attribute, id=_number(entry, where), metadata=metadata)


def _number(entry: Mapping[str, Any], where: str) -> int:
    value = entry.get("id")
    is_one = isinstance(value, int | str) and not isinstance(value, bool)
    number = identifier(str(value)) if is_one else None
    if number is None:
        raise failed(f"{where}.id must be a positive number")
    return number


def _registered(attribute: Attribute, now: datetime) -> RegisteredAttribute:
    metadata = tuple(RegisteredMetadata(**_entry(one), created=now) for one in attribute.metadata)
    return RegisteredAttribute(**_entry(attribute), created=now, metadata=metadata)


def _entry(entry: Any) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in ("id", "label", "type", "value_type", "static_value")}


# --- devices ----------------------------------------------------------------------------------------


def _device(value: Any, where: str) -> ImportedDevice:
    try:
        body = listed_device(value)
    except Problem as problem:
        raise failed(f"{where}: {problem}") from problem
    device_id = value.get("id")
    if not isinstance(device_id, str) or not _DEVICE_ID.fullmatch(device_id):
        raise failed(
            f"{where}.id must have 1 to 8 letters, digits and . _ : - and begin with neither of these"
        )
    return ImportedDevice(id=DeviceId(device_id), body=body)


# --- what repeats -----------------------------------------------------------------------------------


def _check_repetitions(described: ImportBody) -> None:
    attributes = [one for template in described.templates for one in template.attributes]
    ids = [one.id for one in attributes] + [entry.id for one in attributes for entry in one.metadata]
    for what, values in (
        ("template", [one.id for one in described.templates]),
        ("device", [one.id for one in described.devices]),
        ("attribute", ids),
    ):
        twice = _first_twice(values)
        if twice is not None:
            raise violated(f"the {what} id {twice} stands twice")


def _first_twice(values: Sequence[Any]) -> Any | None:
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None
