"""Carries template edits to their devices in the background, some hundred devices at a time.

Templates take turns, and device batches have a writer thread of their own, so an edit of a template with many
devices delays neither other templates nor new devices.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

import structlog

from device_registry.backoff import Backoff
from device_registry.domain.errors import Fenced, RegistryError, RegistryUnavailable
from device_registry.domain.model import Key, Tenant
from device_registry.reconcile import Progress, Reconciler

from .circuit import Circuit
from .refresh import REFRESH_SECONDS

log = structlog.get_logger()

TemplateRef = tuple[Tenant, int]
"""Names one template row."""


class Propagation:
    """One template after the other, chunk by chunk.

    `look` has a resource looked at whose status is out of date.
    """

    def __init__(
        self,
        reconciler: Reconciler,
        executor: Executor,
        circuit: Circuit,
        look: Callable[[Key], None],
    ) -> None:
        self._reconciler = reconciler
        self._executor = executor
        self._circuit = circuit
        self._look = look
        self._line: deque[TemplateRef] = deque()
        self._told: dict[TemplateRef, float] = {}
        self._arrived = asyncio.Event()
        self._backoffs: dict[TemplateRef, Backoff] = {}

    def start(self, template: TemplateRef) -> None:
        """Work on this template in the background from now on, until its devices show its revision."""
        if template not in self._told:
            self._told[template] = time.monotonic()
            self._line_up(template)

    async def step(self, template: TemplateRef) -> Progress:
        """Render the next devices of a template. May raise RegistryUnavailable, Contended or Fenced."""
        loop = asyncio.get_running_loop()
        progress = await loop.run_in_executor(self._executor, self._reconciler.propagate, *template)
        for key in progress.affected:
            self._look(key)
        return progress

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._arrived.wait()
            await self._turn(self._line.popleft())
            if not self._line:
                self._arrived.clear()

    async def _turn(self, template: TemplateRef) -> None:
        """One chunk, and to the end of the line if there is more."""
        try:
            progress = await self.step(template)
        except RegistryUnavailable as error:
            self._circuit.open(error)
            await self._circuit.closed()
            self._line.append(template)
        except Fenced:
            raise
        except Exception as error:  # noqa: BLE001 - what is wrong with one template must not stop the others
            self._put_off(template, error)
        else:
            self._backoffs.pop(template, None)
            self._report(template, progress)

    def _put_off(self, template: TemplateRef, error: Exception) -> None:
        tenant, number = template
        pause = self._backoffs.setdefault(template, Backoff()).next()
        log.error(
            "an edit does not reach the devices of its template, will try again",
            tenant=tenant,
            template=number,
            error=str(error) or type(error).__name__,
            pause=round(pause, 1),
            exc_info=not isinstance(error, RegistryError),
        )
        asyncio.get_running_loop().call_later(pause, self._line_up, template)

    def _line_up(self, template: TemplateRef) -> None:
        self._line.append(template)
        self._arrived.set()

    def _report(self, template: TemplateRef, progress: Progress) -> None:
        now = time.monotonic()
        due = progress.done or now - self._told[template] >= REFRESH_SECONDS
        if due and progress.key:
            self._look(progress.key)
        if progress.done:
            del self._told[template]
        else:
            self._told[template] = now if due else self._told[template]
            self._line.append(template)
