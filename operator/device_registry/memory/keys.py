"""Keys in the registry in memory: a part of its transaction."""

from collections.abc import Collection, Mapping
from datetime import datetime

from device_registry.domain.psk import Sealed
from device_registry.key_ports import DeviceRef

from .tables import Tables, require


class MemoryKeys:
    """See `device_registry.key_ports.KeyRows`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def keys(self, refs: Collection[DeviceRef]) -> dict[DeviceRef, dict[str, Sealed]]:
        found: dict[DeviceRef, dict[str, Sealed]] = {}
        for (ref, label), sealed in self._tables.keys.items():
            if ref in refs:
                found.setdefault(ref, {})[label] = sealed
        return found

    def save_keys(
        self,
        ref: DeviceRef,
        keys: Mapping[str, Sealed],
        now: datetime,  # noqa: ARG002 - kept for people
    ) -> None:
        require(ref in self._tables.devices, "the device does not exist")
        self._tables.keys |= {(ref, label): sealed for label, sealed in keys.items()}

    def drop_keys(self, ref: DeviceRef, attributes: Collection[str]) -> None:
        for label in attributes:
            self._tables.keys.pop((ref, label), None)
