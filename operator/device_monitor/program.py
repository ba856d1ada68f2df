"""The monitor as a process: settings, connections, health, work, in this order, and back.

It never ends because something else is away: it waits for it and says so. It ends by a signal (0), or when
its work has died by a bug (1).
"""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import structlog

from device_registry import wiring
from device_registry.domain.reasons import Reason
from device_registry.logs import configure_logging
from device_registry.probes import Probes
from device_registry.settings import Settings

from .dependencies import Dependencies
from .directory import Directory
from .monitor import Monitor
from .reader import Reader
from .sending import KafkaSender
from .stream import DeviceData
from .telling import Telling
from .timeouts import Timeouts

log = structlog.get_logger()

STALL_SECONDS = 120.0
"""A round that takes so long has hung: only a restart helps."""
STOP_SECONDS = 15.0
"""How long a stop may take: the round in hand, and leave."""


class Program:
    """One run of the monitor."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._dependencies = Dependencies()
        self._registry = wiring.monitored(settings)
        self._store = wiring.presence(settings, name)
        self._data = DeviceData(settings.kafka_bootstrap, settings.kafka_security)
        self._sender = KafkaSender(settings.kafka_bootstrap, settings.kafka_security)
        timeouts = Timeouts(self._registry, settings.STATUS_TIMEOUT, self._dependencies)
        reader = Reader(self._store, self._data, timeouts, name)
        self._monitor = Monitor(
            self._store,
            self._data,
            Directory(self._registry, wiring.topics(settings, settings.DEVICE_SUBJECT), self._dependencies),
            (reader, Telling(self._store, self._data, self._sender)),
            self._dependencies,
        )

    async def run(self) -> int:
        """Work until a signal comes; answers the exit code."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with self._probes(), self._working(stop) as thread:
            log.info("monitoring", notices=self._settings.STATUS_NOTICES)
            await stop.wait()
            died = not thread.is_alive()
        self._close()
        log.info("stopped", exit_code=int(died))
        return int(died)

    @asynccontextmanager
    async def _working(self, ended: asyncio.Event) -> AsyncIterator[threading.Thread]:
        """The monitor in its thread; `ended` is set if it dies."""
        flag, loop = threading.Event(), asyncio.get_running_loop()

        def work() -> None:
            try:
                self._monitor.run(flag)
            finally:
                if not flag.is_set():
                    loop.call_soon_threadsafe(ended.set)

        thread = threading.Thread(target=work, name="monitor", daemon=True)
        thread.start()
        try:
            yield thread
        finally:
            flag.set()
            await asyncio.to_thread(thread.join, STOP_SECONDS)

    @asynccontextmanager
    async def _probes(self) -> AsyncIterator[None]:
        probes = Probes(
            self._settings.METRICS_HOST,
            self._settings.METRICS_PORT,
            alive={"work": lambda: time.monotonic() - self._monitor.last_round < STALL_SECONDS},
            ready={
                "kafka": lambda: self._dependencies.available([Reason.BROKER_UNAVAILABLE]),
                "redis": lambda: self._dependencies.available([Reason.PRESENCE_UNAVAILABLE]),
                "work": lambda: self._monitor.reading,
            },
        )
        await probes.start()
        try:
            yield
        finally:
            await probes.stop()

    def _close(self) -> None:
        self._sender.close()
        self._data.close()
        self._store.close()
        self._registry.close()


async def run(settings: Settings) -> int:
    """Run the monitor; answers the exit code."""
    configure_logging(settings)
    return await Program(settings).run()
