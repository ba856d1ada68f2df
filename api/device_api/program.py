"""The facade as a process: settings, connections, health, server, in this order, and back."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
import uvicorn

from device_registry import wiring
from device_registry.backoff import Backoff
from device_registry.domain.errors import RegistryUnavailable, SchemaOutdated
from device_registry.logs import configure_logging
from device_registry.probes import Probes
from device_registry.registry.migrate import check_current
from device_registry.registry.reader import RegistryReader
from device_registry.registry.turns import Turns
from device_registry.registry.undertakings import Undertakings
from device_registry.registry.waiter import OutcomeWaiter
from device_registry.registry.writer import make_engine
from device_registry.settings import Settings

from . import metrics
from .allornone import undo_for_ever
from .app import create_app
from .context import Context
from .namespaces import Namespaces
from .verification import UnusableSettings

_LOG = structlog.get_logger(__name__)

_STOP_SECONDS = 15
"""How long requests in hand may take at a stop: a write waits for ten seconds at the most."""


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Exits with a message when the settings cannot be honoured."""
    configure_logging(settings)
    try:
        asyncio.run(serve(settings))
    except UnusableSettings as error:
        sys.exit(str(error))


async def serve(settings: Settings) -> None:
    """As `run`, in a loop that runs already. Raises UnusableSettings."""
    async with _context(settings) as context:
        server = _server(context)
        _watch(context)
        probes = Probes(
            settings.METRICS_HOST,
            settings.METRICS_PORT,
            alive={},
            ready={
                "registry": lambda: context.waiter.available,
                "server": lambda: server.started and not server.should_exit,
            },
        )
        await probes.start()
        try:
            if await _schema_is_current(settings, _stop_signals()):
                async with _undoing(context):
                    await server.serve()
        finally:
            await probes.stop()


@asynccontextmanager
async def _context(settings: Settings) -> AsyncIterator[Context]:
    async with (
        wiring.cluster() as cluster,
        wiring.presence_reader(settings) as presence,
        RegistryReader(settings.facade_url, settings.API_DBROLE) as reader,
        OutcomeWaiter(reader, settings.REST_WAIT_SECONDS) as waiter,
    ):
        yield Context(
            settings=settings,
            reader=reader,
            cluster=cluster,
            waiter=waiter,
            undertakings=Undertakings(reader),
            turns=Turns(reader),
            namespaces=Namespaces(cluster, settings),
            vault=wiring.vault(settings),
            presence=presence,
        )


@asynccontextmanager
async def _undoing(context: Context) -> AsyncIterator[None]:
    """Undo in the background what requests leave behind."""
    task = asyncio.create_task(undo_for_ever(context))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _watch(context: Context) -> None:
    metrics.REGISTRY_AVAILABLE.set_function(lambda: context.waiter.available)
    metrics.OPERATOR_AT_WORK.set_function(lambda: context.waiter.at_work)
    presence = context.presence
    metrics.PRESENCE_AVAILABLE.set_function(lambda: presence is not None and presence.available)
    metrics.ROW_SECURITY.set_function(lambda: context.reader.restricted)


def _server(context: Context) -> uvicorn.Server:
    config = uvicorn.Config(
        create_app(context),
        host=context.settings.API_HOST,
        port=context.settings.API_PORT,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    return uvicorn.Server(config)


def _stop_signals() -> asyncio.Event:
    """Set by SIGTERM and SIGINT; the server takes them over while it serves, and hands them back."""
    stopping = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stopping.set)
    return stopping


async def _schema_is_current(settings: Settings, stopping: asyncio.Event) -> bool:
    """Wait for the schema that this version was made for; False when the process is to stop first."""
    engine = make_engine(settings.facade_url)
    pause, told = Backoff(first=0.5, longest=10), ""
    try:
        while not stopping.is_set():
            try:
                await asyncio.to_thread(check_current, engine)
                return True
            except (SchemaOutdated, RegistryUnavailable) as error:
                if told != error.message:
                    told = error.message
                    _LOG.warning("not serving yet", error=told)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause.next())
        return False
    finally:
        engine.dispose()
