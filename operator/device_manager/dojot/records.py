"""What a tenant's tables hold in a database of dojot, as they are: values for `database` and `conversion`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OldTemplate:
    """A row of `templates`."""

    id: int
    label: str
    created: datetime
    updated: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OldAttribute:
    """A row of `attrs`: an attribute, which has a template, or a metadata entry, which has a parent."""

    id: int
    label: str
    type: str
    value_type: str
    static_value: str | None
    created: datetime
    updated: datetime | None
    template_id: int | None
    parent_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OldDevice:
    """A row of `devices`."""

    id: str
    label: str
    created: datetime
    updated: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OldOverride:
    """A row of `overrides`: the value that a device gives to an attribute or to a metadata entry."""

    id: int
    did: str
    aid: int
    static_value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OldKey:
    """A row of `pre_shared_keys`, encrypted."""

    device_id: str
    attr_id: int
    psk: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OldTenant:
    """Everything that a tenant has. All times are UTC."""

    name: str
    templates: Sequence[OldTemplate]
    attributes: Sequence[OldAttribute]
    devices: Sequence[OldDevice]
    uses: Sequence[tuple[str, int]]
    """Device and template."""
    overrides: Sequence[OldOverride]
    keys: Sequence[OldKey]
