"""Where a storm takes place: platform, proxies, programs under supervision, writers, oracle."""

import asyncio
import json
import os
import random
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import aiohttp
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from device_registry.access import Credentials
from device_registry.domain.model import Key, Kind
from device_registry.kube import Kube
from device_registry.manifests import PLURALS, key_of
from device_registry.registry.migrate import migrate
from local.platform import Platform
from tests.support.detours import Detours
from tests.support.kubectl import Kubectl, KubectlError
from tests.support.programs import free_port
from tests.support.supervised import Supervised

from .ledger import Ledger
from .listener import Listener
from .population import Population, populate
from .streams import Streams
from .verdict import Snapshot, differences
from .writers import REST_TIMEOUT, Fleet

ROWS = "SELECT tenant, id, claim_namespace, claim_name, document FROM device"
OPEN = """SELECT count(*) FILTER (WHERE quarantined IS NULL) AS unsent,
                 count(*) FILTER (WHERE quarantined IS NOT NULL) AS quarantined
          FROM outbox WHERE sent IS NULL"""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a storm is.

    Attributes:
        devices: half of them by git, half by REST.
        writes: a second, all writers together; 0 for none once everybody is there.
        operators: how many run side by side; several agree by a Lease who works.
    """

    devices: int = 500
    writes: float = 15.0
    operators: int = 1
    tenants: int = 2


class Stage:
    """Enter it, and everything runs; `write` and `calm` begin and end the writing."""

    def __init__(self, platform: Platform, size: Size, seed: int, **settings: str) -> None:
        """Prepare on a platform that runs, made with `detour=True`. `settings` are for the operator."""
        self.platform = platform
        self.size = size
        self.seed = seed
        self.kubectl = Kubectl.of(platform)
        run = uuid4().hex[:6]
        self.tenants = [f"storm-{run}-{number}" for number in range(1, size.tenants + 1)]
        self.detours = Detours(platform, seed)
        self.ledger = Ledger()
        self.streams = Streams()
        self.engine: Engine = create_engine(platform.database_url(f"storm_{run}"))
        self._listener = Listener(platform.kafka_bootstrap, self.tenants, self.streams)
        self._settings = settings
        self._stack = ExitStack()
        self._writing: threading.Thread | None = None
        self._calm = threading.Event()
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.engine.dispose)
            migrate(self.engine)
            for tenant in self.tenants:
                self.kubectl.create_namespace(tenant, **{"dojot.io/tenant": tenant})
            stack.enter_context(self.detours)
            self._start_programs(stack)
            self._listener.start()
            stack.callback(self._listener.close)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.detours.heal()
        self._calm.set()
        self._stack.close()

    def _start_programs(self, stack: ExitStack) -> None:
        database = str(self.engine.url.database)
        shared = self.detours.environment(database)
        log, own = self.platform.folder.log, self._operator_settings(database)
        self.api_url = f"http://127.0.0.1:{(port := free_port())}"
        self.operators = [
            Supervised("operator", {**shared, **own}, log(f"operator-{number}"))
            for number in range(1, self.size.operators + 1)
        ]
        self.facade = Supervised(
            "api", {**shared, "API_HOST": "127.0.0.1", "API_PORT": str(port)}, log("facade")
        )
        for program in (*self.operators, self.facade):
            program.start()
            stack.callback(program.close)

    def _operator_settings(self, name: str) -> dict[str, str]:
        election = str(self.size.operators > 1).lower()
        lease = {"LEADER_ELECTION": election, "LEASE_NAME": name.replace("_", "-")}
        return {"WATCH_NAMESPACES": ",".join(self.tenants), **lease, **self._settings}

    # --- writing --------------------------------------------------------------------------------------

    def write(self) -> None:
        """Populate, then write at random until `calm`; returns when everybody is there."""
        populated = threading.Event()
        self._writing = threading.Thread(target=self._run_writers, args=(populated,), daemon=True)
        self._writing.start()
        while not populated.wait(0.2):
            self._raise_error()

    def calm(self) -> None:
        """Write no more; returns when the last write is answered."""
        self._calm.set()
        if self._writing is not None:
            self._writing.join()
        self._raise_error()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _run_writers(self, populated: threading.Event) -> None:
        try:
            asyncio.run(self._write(populated))
        except BaseException as error:  # noqa: BLE001 - raised again where somebody can see it
            self._error = error

    async def _write(self, populated: threading.Event) -> None:
        async with (
            Kube(straight(self.platform.kubeconfig)) as kube,
            aiohttp.ClientSession(self.api_url, timeout=REST_TIMEOUT) as session,
        ):
            fleet = Fleet(kube, self.ledger, self.tenants, ["north", "south", "east", "west"])
            chance = random.Random(f"{self.seed}/writers")
            population = await populate(fleet, session, chance, self.size.devices)
            populated.set()
            await self._keep_writing(population, chance)

    async def _keep_writing(self, population: Population, chance: random.Random) -> None:
        stop = asyncio.Event()
        writing = population.start(self.size.writes, chance, stop) if self.size.writes else []
        while not self._calm.is_set() and not any(task.done() for task in writing):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        stop.set()
        await asyncio.gather(*writing)

    # --- judging --------------------------------------------------------------------------------------

    def differences(self) -> list[str]:
        """What is not as it must be now."""
        try:
            return differences(self.ledger, self.snapshot(), self.streams)
        except (KubectlError, SQLAlchemyError) as error:
            return [f"cannot look: {error}"]

    def snapshot(self) -> Snapshot:
        """What the API server and the registry hold now. Raises KubectlError, SQLAlchemyError."""
        objects = self._objects()
        with self.engine.connect() as connection:
            rows = [dict(one) for one in connection.execute(text(ROWS)).mappings()]
            streams = connection.execute(text("SELECT * FROM event_stream")).mappings()
            sequences = {(one["tenant"], one["subject"]): int(one["sequence"]) for one in streams}
            (left,) = connection.execute(text(OPEN)).mappings()
        return Snapshot(objects, rows, sequences, left["unsent"], left["quarantined"])

    def _objects(self) -> Mapping[Key, Any]:
        paths = [
            f"/apis/dojot.io/v1alpha1/namespaces/{tenant}/{PLURALS[kind]}"
            for tenant in self.tenants
            for kind in Kind
        ]
        pages = [json.loads(self.kubectl.run("get", "--raw", path))["items"] for path in paths]
        return {key_of(one): one for page in pages for one in page}


def straight(kubeconfig: Path) -> Credentials:
    """The credentials in a file, whatever the environment says."""
    before = os.environ.get("KUBECONFIG")
    os.environ["KUBECONFIG"] = str(kubeconfig)
    try:
        return Credentials.load()
    finally:
        if before is None:
            del os.environ["KUBECONFIG"]
        else:
            os.environ["KUBECONFIG"] = before
