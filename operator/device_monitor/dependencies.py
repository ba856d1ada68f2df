"""Which of the systems that the monitor needs are away: one log line for each change, and a metric."""

from collections.abc import Collection

import structlog

from device_registry.domain.errors import RegistryError, Unavailable
from device_registry.domain.reasons import Reason

from . import metrics

log = structlog.get_logger()

_NAMES = {
    Reason.REGISTRY_UNAVAILABLE: "postgres",
    Reason.BROKER_UNAVAILABLE: "kafka",
    Reason.PRESENCE_UNAVAILABLE: "redis",
}


class Dependencies:
    """What is known about Postgres, Kafka and Redis. Each part of the monitor reports what it meets."""

    def __init__(self) -> None:
        self._away: set[Reason] = set()
        for name in _NAMES.values():
            metrics.AVAILABLE.labels(name).set(1)

    def available(self, reasons: Collection[Reason]) -> bool:
        """Whether none of these was met last."""
        return self._away.isdisjoint(reasons)

    def is_away(self, error: RegistryError) -> None:
        """It did not answer; what is not said to be another one's error is the registry's."""
        reason = error.reason if isinstance(error, Unavailable) else Reason.REGISTRY_UNAVAILABLE
        if reason not in self._away:
            self._away.add(reason)
            log.warning("the monitor waits", reason=reason.value, error=error.message)
        metrics.AVAILABLE.labels(_NAMES[reason]).set(0)

    def is_back(self, *reasons: Reason) -> None:
        """They answered."""
        for reason in self._away.intersection(reasons):
            self._away.remove(reason)
            log.info("the monitor goes on", reason=reason.value)
            metrics.AVAILABLE.labels(_NAMES[reason]).set(1)
