"""kopf as the shell around the operator: its settings, its login, and a supervisor that outlives its end.

kopf watches and calls the intake, and nothing else. Everything that must not get lost is our own, so kopf may
end and be started again at any time; it then lists everything anew.
"""

import asyncio
import random
import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import kopf
import structlog
from kopf._core.engines.peering import Identity  # not exported

from device_registry.access import Credentials
from device_registry.backoff import Backoff
from device_registry.domain.errors import NotFound, RegistryError
from device_registry.domain.model import Kind
from device_registry.ports import Cluster

from . import handlers
from .intake import Intake
from .preflight import check_definitions

log = structlog.get_logger()

_LOGIN_LASTS = timedelta(minutes=5)
"""Tokens of service accounts are replaced every hour at the latest; reading one costs nothing."""


_LONGEST_PAUSE_SECONDS = 10.0
"""How soon at the latest kopf is started again: until then nobody sees what changes."""

_ENDING_SECONDS = 1.0
"""How long kopf may take to end; its handlers leave nothing that would have to be finished."""

_OURSELVES = Identity("device-manager")
"""What kopf would tell its peers; it has none."""

_WELL_SECONDS = 60.0
"""When kopf ran for so long, its end is a new trouble and not the same one again."""


class _Endless:
    """Pauses for kopf's requests that never run out: otherwise kopf ends when the API server is away."""

    def __iter__(self) -> Iterator[float]:
        pause = 0.5
        while True:
            yield random.uniform(pause / 2, pause)  # noqa: S311 - spreads load, keeps no secret
            pause = min(15.0, pause * 2)


class _NoDiffBase(kopf.DiffBaseStorage):
    """Event handlers need no memory of earlier versions; kopf would copy every object to keep one."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Nothing is kept."""


class _NoProgress(kopf.ProgressStorage):
    """Event handlers have no progress to keep."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Nothing is kept."""

    def purge(self, **_: Any) -> None:
        """Nothing is kept."""

    def touch(self, **_: Any) -> None:
        """Nothing is kept."""

    def clear(self, *, essence: Any) -> Any:
        return essence


def kopf_settings() -> kopf.OperatorSettings:
    """Settings for a process that has event handlers only."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.process.ultimate_exiting_timeout = None
    settings.persistence.finalizer = "dojot.io/unused-by-kopf"
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    # kopf keeps a task for each object for so long after its last event; 0 would stop it altogether.
    settings.queueing.idle_timeout = 0.2
    # Pages keep the parsing of a large list from blocking the loop.
    settings.watching.chunk_size = 500
    # Also how long a watch can be silent without being noticed; going on from where it was costs nothing.
    settings.watching.server_timeout = 45
    settings.watching.client_timeout = 55
    settings.watching.connect_timeout = 10
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.networking.error_backoffs = _Endless()
    return settings


class Shell:
    """Runs kopf until `stop` is set. `take_signals` is called when kopf has taken the process's signals."""

    def __init__(
        self,
        intake: Intake,
        cluster: Cluster,
        namespaces: list[str],
        stop: asyncio.Event,
        take_signals: Callable[[], None],
    ) -> None:
        self._intake = intake
        self._cluster = cluster
        self._namespaces = namespaces
        self._stop = stop
        self._take_signals = take_signals
        self._ready = asyncio.Event()
        self._told = ""
        self._logins = Backoff(longest=_LONGEST_PAUSE_SECONDS)
        self._logged_in = float("-inf")

    @property
    def running(self) -> bool:
        """Whether kopf has started and not ended since."""
        return self._ready.is_set()

    async def run(self) -> None:
        """Start kopf, and again when it ends by an error, with growing pauses."""
        backoff = Backoff(longest=_LONGEST_PAUSE_SECONDS)
        while not self._stop.is_set():
            began = time.monotonic()
            await self._once()
            if time.monotonic() - began > _WELL_SECONDS:
                backoff.reset()
            await self._pause(backoff.next())

    async def _once(self) -> None:
        try:
            await self._check_resources()
            await self._operate()
        except Exception as error:  # noqa: BLE001 - whatever ended kopf, it is started again
            self._tell(f"{type(error).__name__}: {error}")
        finally:
            self._ready.clear()

    def _tell(self, trouble: str) -> None:
        """One line for each new trouble, however often it ends the watch."""
        if trouble != self._told:
            log.warning("not watching, will start again", error=trouble)
        self._told = trouble

    async def _check_resources(self) -> None:
        """Without the CRDs kopf would silently watch nothing."""
        within = self._namespaces[0] if self._namespaces else "default"
        try:
            for kind in Kind:
                await self._cluster.list(kind, within)
        except NotFound as error:
            raise RegistryError("the cluster does not know Device and Template; apply the CRDs") from error
        await check_definitions(self._cluster)

    async def _operate(self) -> None:
        # Begun before kopf, because kopf ends by cancelling every task that is younger than itself.
        greeting = asyncio.create_task(self._greet())
        try:
            await self._kopf()
        finally:
            greeting.cancel()
        if not self.running:
            # Until it is ready kopf has the signals, and only a signal ends it then without an error.
            self._stop.set()
        if not self._stop.is_set():
            raise RegistryError("kopf ended by itself")

    async def _greet(self) -> None:
        await self._ready.wait()
        self._take_signals()
        self._told = ""
        log.info("watching", namespaces=self._namespaces or "all")

    async def _kopf(self) -> None:
        elders = asyncio.all_tasks()
        roots = await kopf.spawn_tasks(
            registry=self._handlers(),
            settings=kopf_settings(),
            standalone=True,
            # Otherwise kopf asks for the name of the user, and ends where a container's user has none.
            identity=_OURSELVES,
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            ready_flag=self._ready,
            stop_flag=self._stop,
        )
        running = asyncio.create_task(kopf.run_tasks(roots, ignored=elders))
        try:
            await asyncio.wait(roots, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _ended(running, elders)

    def _handlers(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        handlers.register(registry, self._intake, namespaces=not self._namespaces)

        async def login(**_: Any) -> kopf.ConnectionInfo:
            await self._calmly()
            return connection_info(Credentials.load())

        kopf.on.login(registry=registry)(login)
        return registry

    async def _calmly(self) -> None:
        """Let a login that comes soon after another wait a little: kopf tries again at once at every 401."""
        now = time.monotonic()
        if now - self._logged_in > _LOGIN_LASTS.total_seconds() / 2:
            self._logins.reset()
        else:
            await asyncio.sleep(self._logins.next())
        self._logged_in = time.monotonic()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return


async def _ended(running: asyncio.Task[None], elders: Collection[asyncio.Task[Any]]) -> None:
    """Wait for the end of kopf, one of whose root tasks has ended, and raise what ended it.

    kopf cancels its watches once and waits for them without limit, while a watch that is waiting for its
    answer just then takes the cancellation for a pause and begins anew.
    """
    while not (await asyncio.wait([running], timeout=_ENDING_SECONDS))[0]:
        for task in asyncio.all_tasks().difference(elders, [running]):
            task.cancel()
    await running


def connection_info(credentials: Credentials) -> kopf.ConnectionInfo:
    """Our credentials in kopf's form."""
    scheme, _, token = credentials.headers().get("Authorization", "").partition(" ")
    certificate, key = credentials.certificate or (None, None)
    return kopf.ConnectionInfo(
        server=credentials.server,
        ca_path=credentials.ca_file,
        insecure=not credentials.verify,
        scheme=scheme or None,
        token=token or None,
        certificate_path=certificate,
        private_key_path=key,
        expiration=datetime.now(UTC) + _LOGIN_LASTS,
    )
