"""Runs the sweep in the background: once kopf watches, and then every now and then.

Events tell of nearly everything. What they miss (a watch that broke, a row that was changed by SQL, an object
whose finalizer was taken off by force) is found here at the latest.
"""

import asyncio
import random
from collections import Counter

import structlog

from device_registry.domain.errors import (
    ClusterUnavailable,
    NotFound,
    Refused,
    RegistryError,
    RegistryUnavailable,
)
from device_registry.domain.model import Key, Kind
from device_registry.domain.reasons import Reason
from device_registry.manifests import parse
from device_registry.sweep import Findings, Sweep

from . import metrics
from .circuit import Circuit
from .context import Context
from .drift import drifted_status, may_tell
from .namespaces import UNBOUND
from .queue import Priority

log = structlog.get_logger()

JITTER = 0.1
"""Intervals vary by that part, so that several operators do not list at the same time."""
RETRY_SECONDS = 10.0
"""When a sweep failed the next one comes at least so soon: what changed meanwhile may show nowhere else."""
_NAMED = 3
"""Resources that a log line names: enough to find the others."""


class Sweeping:
    """See the module. `interval` in seconds; 0 means never."""

    def __init__(self, sweep: Sweep, context: Context, circuit: Circuit, interval: float) -> None:
        self._sweep = sweep
        self._context = context
        self._circuit = circuit
        self._interval = interval
        self._begun = asyncio.Event()

    def begin(self) -> None:
        """Events are watched from now on: what they do not tell can be looked for."""
        self._begun.set()

    async def run(self) -> None:
        """Sweep until cancelled."""
        await self._begun.wait()
        while self._interval:
            await self._circuit.closed()
            await self._context.api_server.closed()
            well = await self._once()
            pause = self._interval if well else min(self._interval, RETRY_SECONDS)
            await asyncio.sleep(pause * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - spreads load

    async def _once(self) -> bool:
        """Whether everything could be compared; what could not be is left as it is until the next time."""
        try:
            with metrics.SWEEP_SECONDS.time():
                for kind in Kind:
                    await self._handle(kind, await self._sweep.run(kind))
            self._count(await asyncio.to_thread(self._sweep.unclaimed))
        except RegistryUnavailable as error:
            self._circuit.open(error)
        except Exception as error:  # one odd object must not end all sweeps
            if isinstance(error, ClusterUnavailable):
                self._context.api_server.open(error)
            unforeseen = not isinstance(error, RegistryError)
            log.warning("sweep failed, nothing is concluded from it", error=str(error), exc_info=unforeseen)
        else:
            metrics.SWEEP_SUCCESS.set_to_current_time()
            return True
        return False

    async def _handle(self, kind: Kind, findings: Findings) -> None:
        self._context.census.only(kind, findings.present)
        for key in (*findings.differences, *findings.wake):
            self._context.queue.add(key, priority=Priority.SWEEP)
        if findings.unclaimed:
            self._context.tenants.freed()
        for key in findings.paused:
            await self._tell_drift(key)
        _report(kind, findings)

    async def _tell_drift(self, key: Key) -> None:
        """Say in the status of a paused device that its row is not as it was written."""
        try:
            resource = parse(await self._context.cluster.get(key), UNBOUND)
        except (NotFound, Refused):
            return
        current = self._context.statuses.current(resource)
        if may_tell(current):
            await self._context.statuses.write(current, drifted_status(current, self._context.clock()))

    def _count(self, unclaimed: dict[Kind, int]) -> None:
        for kind, rows in unclaimed.items():
            metrics.UNCLAIMED_ROWS.labels(kind=kind).set(rows)


def _report(kind: Kind, findings: Findings) -> None:
    counts = Counter(map(str, findings.differences.values()))
    counts["Paused"] = len(findings.paused)
    counts["Absent"] = len(findings.unclaimed)
    found = {name: count for name, count in counts.items() if count}
    for name, count in found.items():
        metrics.SWEEP_DIFFERENCES.labels(kind=kind, difference=name).inc(count)
    if found:
        log.info("sweep found differences", kind=str(kind), **found)
    if findings.unclaimed:
        named = [str(key) for key in list(findings.unclaimed)[:_NAMED]]
        log.warning("rows without a resource are kept unclaimed", reason="Absent", first=named)
    if findings.paused:
        named = [str(key) for key in sorted(findings.paused)[:_NAMED]]
        log.warning("rows of paused resources have drifted", reason=str(Reason.DRIFTED), first=named)
