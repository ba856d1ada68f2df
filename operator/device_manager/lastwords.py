"""What the topics say last of each device, against the rows: `drift --topics`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from device_registry.domain.keys import without_keys
from device_registry.domain.model import DeviceRow, Tenant

from . import terminal
from .comparison import Found
from .notifications import Notification, reading

LastDocuments = Mapping[tuple[Tenant, str], Mapping[str, Any] | None]
"""By tenant and device: the document of the last record, None when that is a `remove`."""


def last_documents(tenants: Iterable[Tenant]) -> dict[tuple[Tenant, str], Mapping[str, Any] | None]:
    """Read the topics of these tenants from beginning to end. Raises BrokerUnavailable."""
    settings = terminal.settings()
    found: dict[tuple[Tenant, str], Mapping[str, Any] | None] = {}
    for tenant in sorted(tenants):
        with reading(settings, tenant) as reader:
            reader.start(from_beginning=True)
            for one in reader.until_now():
                if one.event in ("create", "update", "remove"):
                    found[tenant, one.device] = _document(one)
    return found


def _document(one: Notification) -> Mapping[str, Any] | None:
    return None if one.event == "remove" else one.data


def with_last_word(found: Found, told: LastDocuments) -> Found:
    """The same, with what is wrong with the topic.

    A device without any record is none of its business: the topic may have forgotten it, or the device was
    taken over.
    """
    row = found.row
    if not isinstance(row, DeviceRow) or (row.tenant, row.id) not in told:
        return found
    document = told[row.tenant, row.id]
    if document is None:
        return replace(found, last_word="published as removed: the last record of the device is a remove")
    if without_keys(json.loads(row.document.body)) != without_keys(document):
        return replace(found, last_word="published otherwise: the last record shows another document")
    return found
