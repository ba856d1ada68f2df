"""Starts the operator's parts in order and stops them in order.

It never ends because something else is away: it waits for it and says so. Until it leads it stands by: kopf
watches, so that caches and queue are full, and nothing is written. It ends by a signal (0), or when it may
not lead any more (1): a new process is the surest way to forget what the old one had in hand.
"""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog

from device_registry import wiring
from device_registry.backoff import Backoff
from device_registry.domain.errors import Fenced, RegistryError, RegistryUnavailable
from device_registry.logs import configure_logging
from device_registry.probes import Probes
from device_registry.registry.migrate import check_current
from device_registry.registry.writer import make_engine
from device_registry.settings import Settings

from . import metrics
from .circuit import REGISTRY, Circuit, in_thread
from .election import Alone, Election, LeaseElection, terms_of
from .fencing import FencedBus
from .program import Program
from .running import calm_garbage_collector, drain, relay_thread, tasks
from .shell import Shell

log = structlog.get_logger()

WRITER_THREADS = 2
"""One for devices, one for templates, so that a large propagation does not hold up new devices."""
LONGEST_PAUSE_SECONDS = 5.0
"""How soon at the latest it is noticed that the registry is back."""
STALL_SECONDS = 120.0
"""Keys that are ready while nobody takes one for so long: only a restart helps."""


class Lifecycle:
    """One run of the operator."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._holder = f"{socket.gethostname()}-{os.getpid()}"
        self._stop = asyncio.Event()
        self._elected = asyncio.Event()
        self._leading = asyncio.Event()
        self._registry = wiring.registry(settings)
        self._circuit = Circuit(in_thread(self._registry.ping), REGISTRY)
        self._election: Election = Alone()
        self._program: Program | None = None
        self._shell: Shell | None = None
        self._exit_code = 0

    async def run(self) -> int:
        """Run until a signal comes; answers the exit code."""
        self._take_signals()
        async with AsyncExitStack() as stack:
            stack.callback(self._registry.close)
            await stack.enter_async_context(self._probes())
            await stack.enter_async_context(tasks([self._circuit.run()], self._on_death))
            if await self._patiently(lambda: _check_schema(self._settings)):
                await self._operate(stack)
        metrics.LEADER.set(0)
        log.info("stopped", exit_code=self._exit_code)
        return self._exit_code

    # --- starting -------------------------------------------------------------------------------------

    async def _operate(self, stack: AsyncExitStack) -> None:
        """The exit stack unwinds in this order: kopf, what is in hand, relay, lease, cluster."""
        cluster = await stack.enter_async_context(wiring.leaders_cluster(lambda: self._election.leads))
        if self._settings.LEADER_ELECTION:
            # With connections of its own: a renewal must not wait behind the workers' requests.
            leases = await stack.enter_async_context(wiring.leaders_cluster(lambda: False))
            self._election = LeaseElection(leases, terms_of(self._settings), self._holder, wiring.clock)
        stack.push_async_callback(self._election.release)
        bus = FencedBus(wiring.bus(self._settings), lambda: self._election.leads)
        stack.callback(bus.close)
        executor = ThreadPoolExecutor(WRITER_THREADS, thread_name_prefix="writer")
        stack.callback(executor.shutdown, wait=False, cancel_futures=True)
        self._program = program = Program(
            self._settings, (self._registry, bus, cluster), self._circuit, executor, self._on_fenced
        )
        relay = await stack.enter_async_context(relay_thread(program.relay, self._on_relay_fenced))
        # All tasks are begun before kopf, because kopf ends by cancelling those that are younger than itself.
        await stack.enter_async_context(tasks(self._background(program, relay), self._on_death))
        stack.push_async_callback(drain, program)
        calm_garbage_collector()
        self._shell = Shell(program.intake, cluster, self._settings.namespaces, self._stop, self._on_watching)
        await self._shell.run()
        self._take_signals()

    def _background(self, program: Program, relay: threading.Thread) -> list[Coroutine[Any, Any, None]]:
        work = [*program.background(), self._resume(program)]
        return [self._hold_lease(), self._take_over(program, relay), *map(self._once_leading, work)]

    async def _hold_lease(self) -> None:
        await self._election.win()
        self._elected.set()
        await self._election.keep()
        self._on_fenced(Fenced("the lease is lost"))

    async def _take_over(self, program: Program, relay: threading.Thread) -> None:
        """Take the lead in the registry, which shuts every earlier leader out, and begin to work."""
        await self._elected.wait()
        if not await self._patiently(self._lead):
            return
        metrics.LEADER.set(1)
        metrics.TAKEOVERS.inc()
        program.intake.lead()
        relay.start()
        self._leading.set()

    def _lead(self) -> None:
        if not self._election.leads:
            # The registry was away for so long that the Lease has ended: another one may lead by now.
            raise Fenced
        epoch = self._registry.lead(self._holder)
        metrics.LEADER_EPOCH.set(epoch)
        log.info("leading", holder=self._holder, epoch=epoch)

    async def _once_leading(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await self._leading.wait()
        except asyncio.CancelledError:
            work.close()
            raise
        await work

    async def _patiently(self, step: Callable[[], object]) -> bool:
        """Run it in a thread until it works, however long the registry is away; False when a stop comes."""
        backoff, told = Backoff(longest=LONGEST_PAUSE_SECONDS), ""
        while not self._stop.is_set():
            try:
                await asyncio.to_thread(step)
            except RegistryError as error:
                if told != error.message:
                    told = error.message
                    log.warning("cannot begin yet, will try again", error=told)
                await self._stopped(backoff.next())
            else:
                return True
        return False

    async def _resume(self, program: Program) -> None:
        """Go on with the template edits that were not carried to their devices when we stopped."""
        while not self._settings.PAUSED:
            try:
                for template in await asyncio.to_thread(self._registry.unpropagated):
                    program.propagation.start(template)
            except RegistryUnavailable as error:
                self._circuit.open(error)
                await self._circuit.closed()
            else:
                return

    # --- while it runs --------------------------------------------------------------------------------

    @asynccontextmanager
    async def _probes(self) -> AsyncIterator[None]:
        probes = Probes(
            self._settings.METRICS_HOST,
            self._settings.METRICS_PORT,
            alive={"work": self._work_goes_on},
            ready={
                "registry": lambda: self._program is not None and self._circuit.available,
                "kopf": lambda: self._shell is not None and self._shell.running,
                "lead": lambda: self._leading.is_set() or self._settings.LEADER_ELECTION,
            },
        )
        await probes.start()
        try:
            yield
        finally:
            await probes.stop()

    def _work_goes_on(self) -> bool:
        if self._program is None or not self._leading.is_set() or not self._circuit.available:
            return True
        return self._program.queue.stalled_for < STALL_SECONDS

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)

    def _on_watching(self) -> None:
        """Take the signals back that kopf took at its start; what its events miss can be looked for now."""
        self._take_signals()
        if self._program is not None:
            self._program.sweeping.begin()

    def _on_death(self, task: asyncio.Task[None]) -> None:
        """A part that works in the background has died by a bug: start anew rather than work without it."""
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if isinstance(error, Fenced):
            self._on_fenced(error)
        elif error and not (task.cancelled() and self._stop.is_set()):
            # We cancel what runs when we stop; nobody else has a right to.
            log.critical("a part of the operator died, ending", exc_info=error)
            self._exit_code = 1
            self._stop.set()

    def _on_fenced(self, error: Fenced) -> None:
        """Others work now, or may begin to: nothing that is in hand here matters any more."""
        metrics.FENCED.inc()
        metrics.LEADER.set(0)
        if not self._stop.is_set():
            log.error("not leading any more, ending", error=error.message)
        self._exit_code = 1
        self._stop.set()
        if self._program is not None:
            self._program.queue.abandon()

    def _on_relay_fenced(self) -> None:
        self._on_fenced(Fenced())

    async def _stopped(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return


def _check_schema(settings: Settings) -> None:
    """Raise SchemaOutdated or RegistryUnavailable unless the registry can be worked with."""
    engine = make_engine(settings.registry_url)
    try:
        check_current(engine)
    finally:
        engine.dispose()


async def run(settings: Settings) -> int:
    """Run the operator; answers the exit code."""
    configure_logging(settings)
    return await Lifecycle(settings).run()
