"""Which devices refer to which Secrets, and which version of each a device's keys were read from.

Fed by every Device event; devices without credentials cost nothing here.
"""

from collections.abc import Collection, Mapping
from typing import Any

from device_registry.domain.model import Key
from device_registry.key_ports import SecretPlace, SecretVersion


class SecretUsers:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._users: dict[SecretPlace, set[Key]] = {}
        self._read: dict[Key, dict[SecretPlace, SecretVersion | None]] = {}

    def seen(self, key: Key, obj: Mapping[str, Any]) -> None:
        """Note what a Device object says; it may be malformed."""
        named, known = _named(key, obj), self._read.get(key, {})
        for place in known.keys() - named:
            self._drop(place, key)
        for place in named - known.keys():
            self._users.setdefault(place, set()).add(key)
        if named:
            self._read[key] = {place: known.get(place) for place in named}
        else:
            self._read.pop(key, None)

    def gone(self, key: Key) -> None:
        """The device is no more."""
        for place in self._read.pop(key, {}):
            self._drop(place, key)

    def read(self, key: Key, versions: Mapping[SecretPlace, SecretVersion]) -> None:
        """The keys of a device were read from these versions and what came of it was committed."""
        known = self._read.get(key, {})
        known |= {place: version for place, version in versions.items() if place in known}

    @property
    def places(self) -> Collection[SecretPlace]:
        """Every Secret that a device refers to."""
        return list(self._users)

    @property
    def unread(self) -> list[Key]:
        """Devices with a Secret whose version is not known."""
        return sorted(key for key, read in self._read.items() if None in read.values())

    def outdated(self, place: SecretPlace, version: SecretVersion) -> list[Key]:
        """Devices whose keys were read from another version of a Secret than this one, or never."""
        return sorted(key for key in self._users.get(place, ()) if self._read[key][place] != version)

    def _drop(self, place: SecretPlace, key: Key) -> None:
        users = self._users[place]
        users.discard(key)
        if not users:
            del self._users[place]


def _named(key: Key, obj: Mapping[str, Any]) -> set[SecretPlace]:
    entries = (obj.get("spec") or {}).get("credentials") or ()
    return {(key.namespace, str((one.get("secretRef") or {}).get("name"))) for one in entries}
