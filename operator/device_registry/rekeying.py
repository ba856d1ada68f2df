"""Encrypts the stored keys anew after the password was changed. `device-manager rotate-key` calls it.

Safe beside a working operator: a key is replaced only if it is still the one that was read, and what stops in
the middle goes on where it was.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .domain.errors import KeyUnreadable
from .domain.psk import Sealed
from .key_ports import Vault

PORTION = 500
"""Keys in one transaction."""

Place = tuple[str, str, str]
"""Tenant, device and attribute of a key."""

Replacement = tuple[Place, Sealed, Sealed]
"""A key as it was read, and as it is to be."""


class StoredKeys(Protocol):
    """The keys in the registry. Every method may raise RegistryError."""

    def counts(self) -> Mapping[str, int]:
        """How many keys each password has sealed, by its key id."""

    def others(self, key_id: str, after: Place, limit: int) -> Sequence[tuple[Place, Sealed]]:
        """Keys that another password has sealed, in the order of their places, beyond one of them."""

    def replace(self, replacements: Sequence[Replacement]) -> int:
        """Replace those that are still as they were read; answers how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekeyed:
    """What was done."""

    done: int
    unreadable: Sequence[tuple[Place, str]]
    """Keys that none of the passwords opens, with the key id of theirs; they are left as they are."""


def rekey(keys: StoredKeys, vault: Vault, key_id: str, advance: Callable[[int], None]) -> Rekeyed:
    """Seal every key by the password of `key_id`; `advance` is told how many were looked at."""
    after: Place = ("", "", "")
    tally: Counter[str] = Counter()
    unreadable: list[tuple[Place, str]] = []
    while portion := keys.others(key_id, after, PORTION):
        replacements = []
        for place, sealed in portion:
            try:
                replacements.append((place, sealed, vault.seal(vault.open(sealed, place), place)))
            except KeyUnreadable:
                unreadable.append((place, sealed.key_id))
        tally["done"] += keys.replace(replacements)
        tally["seen"] += len(portion)
        after = portion[-1][0]
        advance(tally["seen"])
    return Rekeyed(done=tally["done"], unreadable=unreadable)
