"""Tells a story to a registry: resources come, change and go, and what the world hears is read back."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from device_registry.dispatch import Outbox
from device_registry.domain.model import (
    Declared,
    DeletionPolicy,
    DeviceId,
    DeviceRow,
    DeviceSpec,
    TemplateSpec,
)
from device_registry.domain.outcome import Outcome
from device_registry.ports import Registry
from device_registry.reconcile import Departure, Keeping, Progress, Reconciler, Result

from .builders import ACME


@dataclass
class Story:
    """Steps are named after what happens in the cluster; each answers with what was decided."""

    registry: Registry
    outbox: Outbox
    clock: Callable[[], datetime]
    keeping: Keeping = field(default_factory=Keeping)

    def __post_init__(self) -> None:
        self.reconciler = Reconciler(self.registry, self.clock, keeping=self.keeping)
        self._heard = 0

    def apply(self, *declared: Declared[Any]) -> list[Outcome]:
        return [result.outcome for result in self.results(*declared)]

    def results(self, *declared: Declared[Any]) -> list[Result]:
        """Devices in one batch, templates one by one before them."""
        templates = [one for one in declared if isinstance(one.spec, TemplateSpec)]
        devices = [one for one in declared if isinstance(one.spec, DeviceSpec)]
        results = [self.reconciler.register_template(one) for one in templates]
        return results + (self.reconciler.register_devices(devices) if devices else [])

    def delete(
        self, *declared: Declared[Any], policy: DeletionPolicy = DeletionPolicy.DELETE
    ) -> list[Result]:
        departures = [Departure(declared=one, policy=policy) for one in declared]
        if isinstance(declared[0].spec, TemplateSpec):
            return [self.reconciler.release_template(one) for one in departures]
        return self.reconciler.release_devices(departures)

    def propagate(self, template_id: int = 1, limit: int = 300) -> list[Progress]:
        """Chunk by chunk until it is done."""
        chunks = [self.reconciler.propagate(ACME, template_id, limit)]
        while not chunks[-1].done:
            chunks.append(self.reconciler.propagate(ACME, template_id, limit))
        return chunks

    def heard(self) -> list[str]:
        """`event subject#sequence` of what was told since the last call."""
        events = [one for one in self.outbox.unsent(10_000) if one.id > self._heard]
        self._heard = max((one.id for one in events), default=self._heard)
        return [f"{one.event.type} {one.event.subject}#{one.sequence}" for one in events]

    def payloads(self) -> list[Any]:
        return [json.loads(one.event.payload) for one in self.outbox.unsent(10_000)]

    def row(self, device_id: str) -> DeviceRow | None:
        with self.registry.transaction() as transaction:
            return next(iter(transaction.devices([(ACME, DeviceId(device_id))], ())), None)

    def document(self, device_id: str) -> Any:
        row = self.row(device_id)
        assert row is not None
        return json.loads(row.document.body)
