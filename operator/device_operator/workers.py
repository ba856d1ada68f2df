"""The workers: each takes a resource, has it settled, gives it back. Whatever happens, none of them dies."""

import asyncio
import time
from collections.abc import Callable

import structlog

from device_registry.domain.errors import (
    ClusterUnavailable,
    Conflict,
    Fenced,
    NotFound,
    RegistryError,
    RegistryUnavailable,
    Unavailable,
)
from device_registry.domain.model import Key, Kind
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.manifests.status import paused_status

from . import metrics
from .circuit import Circuit
from .context import Context, Verdict
from .devices import Devices
from .queue import LONGEST_PAUSE_SECONDS, Work
from .reports import outcome_of, status_of
from .subjects import Subject, Subjects
from .templates import Templates

log = structlog.get_logger()

GRACE_SECONDS = 5.0
"""An outage that is shorter than this is nobody's business; a longer one shows in the resources in hand."""

UNAVAILABLE_SECONDS = 15.0
"""The longest pause of a resource when requests about it alone fail: nothing is wrong with the resource."""

_GONE = Verdict("Gone")
_PAUSED = Verdict("Paused")


class Workers:
    """See the module. `fenced` is called when another operator leads: this one must end."""

    def __init__(
        self,
        context: Context,
        subjects: Subjects,
        kinds: tuple[Devices, Templates],
        circuit: Circuit,
        fenced: Callable[[Fenced], None],
    ) -> None:
        self._context = context
        self._subjects = subjects
        self._devices, self._templates = kinds
        self._circuit = circuit
        self._fenced = fenced
        self._grace = GRACE_SECONDS
        self._since: dict[Key, float] = {}

    @property
    def oldest_age(self) -> float:
        """Seconds that the longest look of those under way has taken; 0 if there is none."""
        began = min(self._since.values(), default=None)
        return 0.0 if began is None else time.monotonic() - began

    async def run(self) -> None:
        """One worker, until cancelled."""
        while True:
            work = await self._context.queue.get()
            self._since[work.key] = time.monotonic()
            with metrics.RECONCILE_SECONDS.labels(kind=work.key.kind).time():
                result = await self._handle(work)
            self._since.pop(work.key, None)
            metrics.RECONCILES.labels(kind=work.key.kind, result=result).inc()

    # --- one look, and what its errors mean -----------------------------------------------------------

    async def _handle(self, work: Work) -> str:
        try:
            verdict = await self._patiently(work)
        except NotFound:
            verdict = _GONE
        except Conflict:
            self._context.queue.anew(work.key, UNAVAILABLE_SECONDS)
            return "Conflict"
        except asyncio.CancelledError as error:
            return self._cancelled(work.key, error)
        except Exception as error:  # noqa: BLE001 - a bug in one resource's path must not stop the others
            return self._failed(work.key, error)
        self._give_back(work.key, verdict)
        return verdict.result

    def _give_back(self, key: Key, verdict: Verdict) -> None:
        if verdict.settled:
            self._context.queue.done(key, self._context.statuses.is_echo)
        else:
            self._context.queue.retry(key)

    def _failed(self, key: Key, error: Exception) -> str:
        longest = UNAVAILABLE_SECONDS if isinstance(error, Unavailable) else LONGEST_PAUSE_SECONDS
        self._context.queue.retry(key, longest)
        if isinstance(error, Fenced):
            self._fenced(error)
        elif isinstance(error, Unavailable):
            # The circuit has told it, for all resources together.
            log.debug("will try again", resource=str(key), error=str(error))
        elif isinstance(error, RegistryError):
            log.warning("will try again", resource=str(key), error=str(error))
        else:
            log.error("unexpected, will try again", resource=str(key), exc_info=error)
        return type(error).__name__

    def _cancelled(self, key: Key, error: asyncio.CancelledError) -> str:
        """kopf, when it ends, cancels tasks that the HTTP client started for us; that is no wish to stop."""
        self._context.queue.retry(key)
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise error
        return "Cancelled"

    # --- the registry or the API server may be away ----------------------------------------------------

    async def _patiently(self, work: Work) -> Verdict:
        while True:
            await self._circuit.closed()
            await self._context.api_server.closed()
            try:
                return await self._once(work)
            except RegistryUnavailable as error:
                # What is at hand gets old while the registry is away.
                work = Work(work.key, None)
                self._circuit.open(error)
                if not await self._circuit.closed(self._grace):
                    await self._tell_away(work, error)
            except ClusterUnavailable as error:
                if not await self._context.api_server.outlasted(error):
                    raise

    async def _once(self, work: Work) -> Verdict:
        subject = await self._subjects.of(work)
        return _GONE if subject is None else await self._look(subject)

    async def _tell_away(self, work: Work, error: RegistryUnavailable) -> None:
        try:
            subject = await self._subjects.of(work)
            if subject is None or subject.resource.deleting:
                return
            resource = self._context.statuses.current(subject.resource)
            outcome = outcome_of(resource, Reason.REGISTRY_UNAVAILABLE, error.message)
            await self._context.statuses.write(resource, status_of(resource, outcome, self._context.clock()))
        except RegistryError as failure:
            log.debug("cannot show the outage", resource=str(work.key), error=str(failure))

    # --- one look -------------------------------------------------------------------------------------

    async def _look(self, subject: Subject) -> Verdict:
        self._context.queue.looks_at(subject.resource)
        kind = self._devices if subject.resource.key.kind is Kind.DEVICE else self._templates
        if subject.resource.deleting:
            return await self._release(kind, subject)
        if self._context.paused:
            return _PAUSED
        if subject.resource.paused:
            return await self._pause(subject)
        if subject.refusal:
            return await self._refuse(subject, subject.refusal)
        return await self._register(kind, subject)

    async def _release(self, kind: Devices | Templates, subject: Subject) -> Verdict:
        if not subject.resource.guarded:
            return _GONE
        verdict = await kind.release(subject)
        self._context.tenants.released(subject.resource.key)
        return verdict

    async def _register(self, kind: Devices | Templates, subject: Subject) -> Verdict:
        verdict = await kind.register(subject)
        self._context.tenants.noted(subject.resource.key, verdict.result)
        refused = verdict.result == Reason.TENANT_CONFLICT
        if refused and await self._context.tenants.corrected(subject.resource):
            self._context.queue.add(subject.resource.key)
        return verdict

    async def _pause(self, subject: Subject) -> Verdict:
        resource = self._context.statuses.current(subject.resource)
        await self._context.statuses.write(resource, paused_status(resource, self._context.clock()))
        return _PAUSED

    async def _refuse(self, subject: Subject, refusal: Outcome) -> Verdict:
        resource = self._context.statuses.current(subject.resource)
        await self._context.statuses.write(resource, status_of(resource, refusal, self._context.clock()))
        return Verdict(refusal.reason)
