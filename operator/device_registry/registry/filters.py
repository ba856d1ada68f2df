"""Which rows a list wants, and which part of them: the facade asks with these values, the reader answers."""

from dataclasses import dataclass
from enum import StrEnum


class Order(StrEnum):
    """What a list is sorted by; equal rows by id. Texts compare by bytes."""

    ID = "id"
    LABEL = "label"
    CREATED = "created"
    UPDATED = "updated"
    """Rows that never changed come before all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list, counted from 1."""

    size: int = 20
    number: int = 1
    order: Order = Order.ID
    descending: bool = False

    @property
    def offset(self) -> int:
        """How many rows come before the page."""
        return (self.number - 1) * self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What rows must have; everything that is set must hold."""

    label: str = ""
    """A case-sensitive substring of the label; empty: any."""
    attributes: tuple[tuple[str, str], ...] = ()
    """Labels and effective static values of attributes."""
    value_types: tuple[str, ...] = ()
    """Value types that some attribute has."""
    template: int | None = None
    """Id of a template; only devices can be asked for it."""
