"""What a worker does about one device: finalizer, row and event, status; on deletion row, then finalizer."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from device_registry.domain.events import EventType
from device_registry.domain.model import Declared, DeviceSpec, Key, Kind
from device_registry.domain.reasons import Reason
from device_registry.manifests import Resource
from device_registry.manifests.status import device_status
from device_registry.reconcile import Departure, Result

from . import finalizers, metrics
from .batcher import Batcher
from .context import Context, Verdict
from .held import held_status
from .keys import found_keys
from .publishing import Publishing
from .reports import present
from .subjects import Subject

log = structlog.get_logger()


class Devices:
    """Registers and releases devices, many in one transaction."""

    def __init__(
        self,
        context: Context,
        register: Batcher[Declared[DeviceSpec], Result],
        release: Batcher[Departure[DeviceSpec], Result],
        publishing: Publishing,
    ) -> None:
        self._context = context
        self._register = register
        self._release = release
        self._publishing = publishing

    async def register(self, subject: Subject) -> Verdict:
        """Bring the row up to date and say in the status how that went."""
        device: Resource[DeviceSpec] = await finalizers.hold(self._context.cluster, subject.resource)
        found = await found_keys(self._context.cluster, device.declared)
        result = present(await self._register.submit(replace(device.declared, keys=found.keys)))
        self._context.secret_users.read(device.key, found.versions)
        self._tell_others(device, result)
        if result.repaired:
            metrics.DRIFT_REPAIRED.inc()
            log.warning("row repaired", resource=str(device.key), reason=str(Reason.DRIFTED))
        published = await self._publishing.of(device.key, result)
        device = self._context.statuses.current(device)
        now = self._context.clock()
        await self._context.statuses.write(device, device_status(device, result.outcome, published, now))
        _note_first(device, result, now)
        return Verdict(result.outcome.reason, settled=not _may_come(result.outcome.keys))

    async def release(self, subject: Subject) -> Verdict:
        """Let the row go, then the object: once the row and its event are committed nothing can be lost.

        While the deletion budget holds it, say so and look again later.
        """
        device: Any = subject.resource
        result = await self._release.submit(await self._context.departures.of(subject))
        if result.outcome.reason is Reason.DELETION_HELD:
            return await self._hold(device, result)
        self._context.held.gone(device.key)
        self._tell_others(device, result)
        await finalizers.let_go(self._context.cluster, device)
        return Verdict(result.outcome.reason)

    async def _hold(self, device: Resource[DeviceSpec], result: Result) -> Verdict:
        self._context.held.note(device.key)
        current = self._context.statuses.current(device)
        status = held_status(current, result.outcome, self._context.clock())
        await self._context.statuses.write(current, status)
        return Verdict(result.outcome.reason, settled=False)

    def _tell_others(self, device: Resource[DeviceSpec], result: Result) -> None:
        for key in result.wake:
            self._context.queue.add(key)
        if result.event:
            self._context.refresh.touch(_templates(device))


def _may_come(keys: Reason | None) -> bool:
    """Whether a key is missing that may be there later: nobody would tell us."""
    return keys in (Reason.SECRET_NOT_FOUND, Reason.KEY_NOT_FOUND, Reason.INVALID_KEY)


def _templates(device: Resource[DeviceSpec]) -> set[Key]:
    """The templates that the device names now, and those that its status still shows."""
    shown = str(device.status.get("templates", "")).split(",")
    names = {*device.declared.spec.templates, *shown} - {""}
    return {Key(Kind.TEMPLATE, device.key.namespace, name) for name in names}


def _note_first(device: Resource[DeviceSpec], result: Result, now: datetime) -> None:
    if result.event and result.event.event.type is EventType.CREATE:
        metrics.TIME_TO_READY.observe((now - device.declared.created).total_seconds())
