"""Pre-shared keys as values. Nothing that is printed, logged or raised shows one."""

import re
from dataclasses import dataclass, field

from .reasons import Reason

_HEXADECIMAL = re.compile(r"([0-9A-Fa-f]{2}){1,1024}")
"""Whole bytes, as many as the contract lets a key have."""


@dataclass(frozen=True, slots=True)
class Psk:
    """A key, as hexadecimal digits."""

    digits: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "Psk | None":
        """The key that a text says, blanks around it ignored; None when it says none."""
        digits = text.strip()
        return cls(digits) if _HEXADECIMAL.fullmatch(digits) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """Why a key that a device refers to could not be had."""

    reason: Reason
    """SecretNotFound, KeyNotFound or InvalidKey."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A key as it is stored: encrypted, and by which password."""

    key_id: str
    """Tells passwords apart without telling anything of them."""
    box: bytes = field(repr=False)
