"""The tables of the registry in memory, and what a database would refuse."""

import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime

from device_registry.domain.errors import Rejected
from device_registry.domain.events import Recorded
from device_registry.domain.model import (
    DeviceRow,
    Key,
    RegisteredAttribute,
    RegisteredMetadata,
    RegisteredTemplate,
    Tenant,
    TenantClaim,
)
from device_registry.domain.outcome import Outcome
from device_registry.domain.psk import Sealed
from device_registry.key_ports import DeviceRef

TemplateRef = tuple[Tenant, int]
"""Names one template row."""


@dataclass(slots=True)
class Tables:
    """Everything that the registry holds; the values are frozen, so a copy of the dicts is a snapshot."""

    tenants: dict[Tenant, TenantClaim | None] = field(default_factory=dict)
    """Who stands for each tenant."""
    last_template: Counter[Tenant] = field(default_factory=Counter)
    last_attribute: Counter[Tenant] = field(default_factory=Counter)
    templates: dict[TemplateRef, RegisteredTemplate] = field(default_factory=dict)
    devices: dict[DeviceRef, DeviceRow] = field(default_factory=dict)
    tried: dict[tuple[DeviceRef, int], int] = field(default_factory=dict)
    """The last revision of a template that a device was tried with in vain."""
    streams: Counter[tuple[Tenant, str]] = field(default_factory=Counter)
    outbox: dict[int, Recorded] = field(default_factory=dict)
    sent: dict[int, datetime] = field(default_factory=dict)
    quarantined: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    """What Kafka said about each event that was put aside, and when."""
    retries: set[int] = field(default_factory=set)
    dropped: dict[int, datetime] = field(default_factory=dict)
    outcomes: dict[Key, Outcome] = field(default_factory=dict)
    keys: dict[tuple[DeviceRef, str], Sealed] = field(default_factory=dict)
    """Keys of devices by device and label of the attribute."""
    departures: list[tuple[Tenant, datetime]] = field(default_factory=list)
    released: dict[str, datetime] = field(default_factory=dict)
    """When the resources with these uids were let go."""

    def copy(self) -> "Tables":
        """A snapshot that can be changed without this one."""
        return Tables(**{one.name: getattr(self, one.name).copy() for one in fields(self)})


class Store:
    """The tables with one writer at a time: `changing` gives a copy and keeps it when the block ends well."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.epoch = 0
        self.last_event = 0
        self.changed = threading.Condition(threading.RLock())

    @contextmanager
    def changing(self) -> Iterator[Tables]:
        """A transaction: leaving by an exception leaves everything as it was."""
        with self.changed:
            tables = self.tables.copy()
            yield tables
            self.tables = tables
            self.changed.notify_all()

    def advance_epoch(self) -> int:
        """A new leader begins."""
        with self.changed:
            self.epoch += 1
            return self.epoch

    def next_event(self) -> int:
        """A position in the outbox; one that was rolled back is not given out again, as in Postgres."""
        self.last_event += 1
        return self.last_event


def require(holds: object, what: str) -> None:
    """Raise Rejected, saying what is wrong, unless it holds."""
    if not holds:
        raise Rejected(f"the registry refuses a value: {what}")


def require_text(*texts: str) -> None:
    """Raise Rejected for what Postgres cannot store as text."""
    for text in texts:
        require("\x00" not in text, "text cannot contain NUL")
        require(text == text.encode(errors="ignore").decode(), "text has a lone surrogate")


def attribute_ids(template: RegisteredTemplate) -> list[int]:
    """The ids of a template's attributes and of their metadata."""
    return [one.id for one in entries(template)]


def entries(template: RegisteredTemplate) -> Collection[RegisteredAttribute | RegisteredMetadata]:
    """A template's attributes and their metadata."""
    metadata = [entry for attribute in template.attributes for entry in attribute.metadata]
    return [*template.attributes, *metadata]
