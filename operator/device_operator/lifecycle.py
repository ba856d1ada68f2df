"""Starts the operator's parts in order and stops them in order.

It never ends because something else is away: it waits for it and says so. It ends by a signal (0), or when
another operator has taken the lead (1).
"""

import asyncio
import gc
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
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
from device_registry.relay import Relay
from device_registry.settings import Settings

from .circuit import Circuit
from .program import Program
from .shell import Shell

log = structlog.get_logger()

WRITER_THREADS = 2
"""One for devices, one for templates, so that a large propagation does not hold up new devices."""
DRAIN_SECONDS = 10.0
"""How long a stop may take: what is in hand is settled, what is not is found again at the next start."""
RELAY_SECONDS = 5.0
"""How long the relay may take to end its round."""
STALL_SECONDS = 120.0
"""Keys that are ready while nobody takes one for so long: only a restart helps."""


class Lifecycle:
    """One run of the operator."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = asyncio.Event()
        self._registry = wiring.registry(settings)
        self._circuit = Circuit(self._registry.ping)
        self._program: Program | None = None
        self._shell: Shell | None = None
        self._leads = False
        self._exit_code = 0

    async def run(self) -> int:
        """Run until a signal comes; answers the exit code."""
        self._take_signals()
        async with AsyncExitStack() as stack:
            stack.callback(self._registry.close)
            await stack.enter_async_context(self._probes())
            await stack.enter_async_context(_tasks([self._circuit.run()], self._on_death))
            if await self._lead():
                await self._operate(stack)
        log.info("stopped", exit_code=self._exit_code)
        return self._exit_code

    # --- starting -------------------------------------------------------------------------------------

    async def _lead(self) -> bool:
        """Take the lead, however long the registry is away; False when a stop comes first."""
        holder = f"{socket.gethostname()}-{os.getpid()}"
        backoff, told = Backoff(), ""
        while not self._stop.is_set():
            try:
                await asyncio.to_thread(_check_schema, self._settings)
                epoch = await asyncio.to_thread(self._registry.lead, holder)
            except RegistryError as error:
                if told != error.message:
                    told = error.message
                    log.warning("cannot begin yet, will try again", error=told)
                await self._stopped(backoff.next())
            else:
                self._leads = True
                log.info("leading", holder=holder, epoch=epoch)
                return True
        return False

    async def _operate(self, stack: AsyncExitStack) -> None:
        """The exit stack unwinds in this order: kopf, what is in hand, relay, cluster."""
        cluster = await stack.enter_async_context(wiring.cluster())
        bus = wiring.bus(self._settings)
        stack.callback(bus.close)
        executor = ThreadPoolExecutor(WRITER_THREADS, thread_name_prefix="writer")
        stack.callback(executor.shutdown, wait=False, cancel_futures=True)
        program = Program(
            self._settings, (self._registry, bus, cluster), self._circuit, executor, self._on_fenced
        )
        await stack.enter_async_context(_relay_thread(program.relay))
        background = [*program.background(), self._resume(program)]
        await stack.enter_async_context(_tasks(background, self._on_death))
        stack.push_async_callback(_drain, program)
        self._program = program
        _calm_garbage_collector()
        self._shell = Shell(program.intake, cluster, self._settings.namespaces, self._stop, self._on_watching)
        await self._shell.run()
        self._take_signals()

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
                "registry": lambda: self._leads and self._circuit.available,
                "kopf": lambda: self._shell is not None and self._shell.running,
            },
        )
        await probes.start()
        try:
            yield
        finally:
            await probes.stop()

    def _work_goes_on(self) -> bool:
        if self._program is None or not self._circuit.available:
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
        if not task.cancelled() and (error := task.exception()):
            log.critical("a part of the operator died, ending", exc_info=error)
            self._exit_code = 1
            self._stop.set()

    def _on_fenced(self, error: Fenced) -> None:
        log.error("ending", error=error.message)
        self._exit_code = 1
        self._stop.set()

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


# --- stopping -------------------------------------------------------------------------------------------


@asynccontextmanager
async def _tasks(
    coroutines: Sequence[Coroutine[Any, Any, None]], ended: Callable[[asyncio.Task[None]], None]
) -> AsyncIterator[None]:
    """Run these in the background, and cancel them at the end. `ended` hears of each that ends."""
    tasks = [asyncio.create_task(one) for one in coroutines]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _relay_thread(relay: Relay) -> AsyncIterator[None]:
    """Run the relay in a thread; at the end it finishes its round, for which nobody waits for ever."""
    flag = threading.Event()
    thread = threading.Thread(target=relay.run, args=(flag,), name="relay", daemon=True)
    thread.start()
    try:
        yield
    finally:
        flag.set()
        await asyncio.to_thread(thread.join, RELAY_SECONDS)


async def _drain(program: Program) -> None:
    """Give out no more work, and wait for what is in hand."""
    program.queue.close()
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await program.queue.drained()
    except TimeoutError:
        log.warning("stopping with work in hand", resources=program.queue.in_hand)


def _calm_garbage_collector() -> None:
    """Most objects here die young or never; collecting less often saves a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def run(settings: Settings) -> int:
    """Run the operator; answers the exit code."""
    configure_logging(settings)
    return await Lifecycle(settings).run()
