"""The platform of `make up`: infrastructure and programs in the background, found again by later commands.

Called by the commands in `local.__main__`.
"""

import fcntl
import os
import shlex
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

from local import programs
from local.errors import PlatformError
from local.folder import Folder
from local.manifests import Kubectl
from local.platform import Platform
from local.ports import remembered
from local.process import Part
from local.progress import Reporter
from local.starting import start_together, stop_together, uninterrupted

DATABASE = "dojot_devm"
"""Name of the registry's database, as in the original."""


class Laptop:
    """One platform per working tree; a cluster that KUBECONFIG names is used in place of an own one.

    Attributes:
        folder: where everything is kept, `.local`.
    """

    def __init__(self, root: Path, reporter: Reporter) -> None:
        """Choose the folder, and who is told about progress."""
        self.folder = Folder(root.resolve())
        self._reporter = reporter
        self._foreign = foreign_cluster(self.folder)
        self._platform = Platform(root, cluster=self._foreign is None)
        self._programs: list[Part] = []

    @property
    def parts(self) -> list[Part]:
        """The parts in the order of starting; empty before `find` or `up`, and if there never was an `up`."""
        return [part for layer in self._layers() for part in layer]

    def find(self) -> None:
        """Look for what an earlier `up` has left, without starting or making anything."""
        ports = remembered(self.folder.ports)
        if ports:
            self._platform = Platform(self.folder.root, cluster="kube-apiserver" in ports)
            self._assemble(ports)

    def up(self) -> bool:
        """Bring up what is not, wait until all answer, and return whether anything had to be started.

        Raises:
            PlatformError: names what failed and its log; what this call had started is stopped again.
        """
        with self._alone():
            self._locate()
            if all(part.ready() for part in self.parts) and self.folder.env.exists():
                return False
            running = {part.name for part in self.parts if part.alive}
            try:
                self._start()
            except BaseException:
                self._stop(keep=running)
                raise
            return True

    def down(self) -> None:
        """Stop everything, the programs first; data is kept."""
        with self._alone():
            self.find()
            self._stop()

    def clean(self) -> None:
        """Stop everything and remove the folder."""
        self.down()
        shutil.rmtree(self.folder.root, ignore_errors=True)

    def variables(self) -> dict[str, str]:
        """Return what `.local/env` exports, of a platform that is up."""
        return read_variables(self.folder.env)

    def kubectl(self) -> Kubectl:
        """Return kubectl on the cluster in use."""
        return Kubectl(self.folder.kubectl, self._environment())

    def _locate(self) -> None:
        """Choose addresses; when one has to change, stop everything, as the parts know each other's."""
        known = remembered(self.folder.ports)
        self.find()
        self._refuse_another_cluster()
        self._platform = Platform(self.folder.root, cluster=self._foreign is None)
        ports = self._platform.choose_ports(programs.PORTS, programs.owner)
        if any(known.get(name, port) != port for name, port in ports.items()):
            self._stop()
        self._assemble(ports)

    def _refuse_another_cluster(self) -> None:
        used = read_variables(self.folder.env).get("KUBECONFIG")
        wanted = self._foreign or str(self.folder.kubeconfig)
        if used not in {None, wanted} and any(part.alive for part in self.parts):
            raise PlatformError(f"The platform is up and uses {used}, not {wanted}. Run `make down` first.")

    def _assemble(self, ports: Mapping[str, int]) -> None:
        self._platform.assemble(ports, leashed=False)
        plans = programs.plans(self._environment(), ports)
        self._programs = [Part(plan, self.folder, leashed=False) for plan in plans]

    def _environment(self) -> dict[str, str]:
        cluster = {"KUBECONFIG": self._foreign} if self._foreign else {}
        return self._platform.environment(DATABASE) | cluster

    def _start(self) -> None:
        step = self._reporter.step
        self._platform.fetch(self._reporter)
        with step("starting the infrastructure", "10 s"):
            start_together(self._platform.chains())
        with step("installing the resource definitions", "5 s"):
            self.kubectl().install()
        with step("migrating the registry", "2 s"):
            database = self._platform.database_url(DATABASE)
            programs.migrate(self._environment(), self.folder)
        with step("starting the programs", "5 s"):
            start_together([[part] for part in self._programs])
        self._write_variables(database)

    def _write_variables(self, database: str) -> None:
        variables = {
            **programs.urls(remembered(self.folder.ports)),
            "KAFKA_BOOTSTRAP": self._platform.kafka_bootstrap,
            "DATABASE_URL": database,
            "REDIS_URL": self._platform.redis_url,
            **self._environment(),
        }
        lines = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        self.folder.env.write_text("".join(lines))

    def _layers(self) -> list[list[Part]]:
        return [*self._platform.layers(), self._programs]

    def _stop(self, keep: Collection[str] = ()) -> None:
        with uninterrupted():
            for layer in reversed(self._layers()):
                stop_together(part for part in layer if part.name not in keep)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.root.mkdir(parents=True, exist_ok=True)
        with (self.folder.root / "lock").open("w") as lock:
            with self._reporter.step("waiting for another command") if _is_locked(lock) else nullcontext():
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def foreign_cluster(folder: Folder) -> str | None:
    """Return KUBECONFIG if it names a cluster of the user's rather than the one in `folder`."""
    named = os.environ.get("KUBECONFIG")
    return named if named and Path(named) != folder.kubeconfig else None


def read_variables(file: Path) -> dict[str, str]:
    """Return what a file of `export NAME=value` lines sets; nothing when it does not exist."""
    text = file.read_text() if file.exists() else ""
    words = (word for word in shlex.split(text) if word != "export")
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def _is_locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
