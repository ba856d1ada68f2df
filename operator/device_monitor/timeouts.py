"""How long the data of a device count: its template's `device_timeout`, else STATUS_TIMEOUT.

The registry is asked for many devices at once and what it said is kept for a while. While it is away, what is
known goes on to count, and a device that is not known is taken for one without a time-out of its own: data
that arrived are worth more than a look-up.
"""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from device_registry.backoff import Holds
from device_registry.domain.errors import RegistryError
from device_registry.domain.model import DeviceId, Tenant
from device_registry.domain.reasons import Reason

from . import metrics
from .dependencies import Dependencies

KNOWN_SECONDS = 30.0
"""How soon an edited template counts."""

UNKNOWN_SECONDS = 2.0
"""How soon a device that was just registered counts."""

MOST_KEPT = 500_000
"""Devices to remember, some 100 MB; beyond that everything is asked anew."""

_LONGEST_MS = 10 * 365 * 86_400_000


class TimeoutSource(Protocol):
    """The registry, as far as it is needed here."""

    def device_timeouts(self, tenant: Tenant, ids: Collection[DeviceId]) -> Mapping[DeviceId, str | None]:
        """By device the text of its templates' `device_timeout`; devices that do not exist are absent.

        Raises RegistryError.
        """


class Timeouts:
    """Milliseconds by device, remembered."""

    def __init__(
        self,
        source: TimeoutSource,
        default_seconds: float,
        dependencies: Dependencies,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._default = round(default_seconds * 1000)
        self._dependencies = dependencies
        self._clock = clock
        self._kept: dict[tuple[Tenant, DeviceId], tuple[float, int | None]] = {}
        self._holds = Holds[str](clock=clock)

    def of(self, tenant: Tenant, devices: Collection[DeviceId]) -> Mapping[DeviceId, int]:
        """How many milliseconds data of these devices count; devices that do not exist are left out."""
        now = self._clock()
        stale = {device for device in devices if self._kept.get((tenant, device), _NEVER)[0] <= now}
        if stale:
            self._refresh(tenant, stale, now)
        found = {device: self._kept.get((tenant, device), (0.0, self._default))[1] for device in devices}
        return {device: lasting for device, lasting in found.items() if lasting is not None}

    def _refresh(self, tenant: Tenant, devices: Collection[DeviceId], now: float) -> None:
        if "registry" in self._holds:
            return
        try:
            told = self._source.device_timeouts(tenant, devices)
        except RegistryError as error:
            self._holds.fail("registry")
            self._dependencies.is_away(error)
            return
        self._holds.succeed("registry")
        self._dependencies.is_back(Reason.REGISTRY_UNAVAILABLE)
        self._keep(tenant, devices, told, now)

    def _keep(
        self,
        tenant: Tenant,
        devices: Collection[DeviceId],
        told: Mapping[DeviceId, str | None],
        now: float,
    ) -> None:
        if len(self._kept) + len(devices) > MOST_KEPT:
            self._kept.clear()
        for device in devices:
            known = device in told
            until = now + (KNOWN_SECONDS if known else UNKNOWN_SECONDS)
            self._kept[tenant, device] = (until, self._milliseconds(told[device]) if known else None)

    def _milliseconds(self, text: str | None) -> int:
        if text is None:
            return self._default
        if text.isascii() and text.isdecimal() and 0 < int(text) <= _LONGEST_MS:
            return int(text)
        metrics.INVALID_TIMEOUTS.inc()
        return self._default


_NEVER = (float("-inf"), None)
