"""The infrastructure as one thing: what tests start and what `make up` is built on.

with Platform(Path(".local/test")) as platform:
    platform.parts["kafka"].kill()
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Mapping
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from local import binaries, cluster, kafka, postgres, redis
from local.credentials import Tokens
from local.folder import Folder
from local.ports import LOOPBACK, choose
from local.process import Part, Plan, recorded
from local.progress import Reporter, Silent
from local.starting import start_together, stop_together

CRYPTO = {
    "DEV_MNGR_CRYPTO_PASS": "kamehameHA",
    "DEV_MNGR_CRYPTO_IV": "1234567890123456",
    "DEV_MNGR_CRYPTO_SALT": "shuriken",
}
"""Example values; nothing on a laptop is worth a secret."""

DETOUR = ("kafka-detour", "kafka-front")
"""Ports of a way to Kafka through a proxy, see `local.kafka`."""

OWNERS = {"kafka-controller": "kafka", "kafka-detour": "kafka", "etcd-peers": "etcd"}
"""Ports that a part has besides the one that bears its name."""


class Platform:
    """Kubernetes, Kafka, Postgres and Redis, without the programs of this project.

    Made for tests, it dies with the process that made it, even by kill -9, and begins empty. If another
    process uses the folder already, the next free one of `root-2`, `root-3`, ... is taken.

    Attributes:
        parts: by name; etcd, kube-apiserver, kube-controller-manager, kafka, postgres, redis once started.
        folder: where everything is kept.
    """

    def __init__(
        self, root: Path, *, cluster: bool = True, detour: bool = False, tokens: Tokens | None = None
    ) -> None:
        """Choose a folder.

        Args:
            root: folder of the platform.
            cluster: whether to run a control plane.
            detour: whether there is a second way to Kafka, for a proxy.
            tokens: further users of the cluster, token -> (user, groups); the administrator is always there.
        """
        self.folder = Folder(root.resolve())
        self.parts: dict[str, Part] = {}
        self._with_cluster = cluster
        self._with_detour = detour
        self._tokens = tokens or {}
        self._ports: Mapping[str, int] = {}
        self._lock: IO[str] | None = None

    def start(self) -> None:
        """Start every part and wait until all answer, in about ten seconds once programs are built.

        Raises:
            BuildFailed: a program of the control plane could not be built.
            PartFailed: a part did not start; those that did are stopped again.
        """
        self._lock, self.folder = _first_free(self.folder.root)
        try:
            _empty(self.folder.root)
            self.fetch(Silent())
            self.assemble(self.choose_ports(), leashed=True)
            start_together(self.chains())
        except BaseException:
            self._unlock()
            raise

    def stop(self) -> None:
        """Stop every part; does nothing when none runs."""
        for layer in reversed(self.layers()):
            stop_together(layer)
        self._unlock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def fetch(self, reporter: Reporter) -> None:
        """Make the folder and obtain what the parts are run from; raises BuildFailed."""
        self.folder.make()
        _link(self.folder.kubectl, binaries.kubectl())
        if not kafka.resolved():
            with reporter.step("fetching Kafka", "15 s"):
                kafka.class_path()
        for name in binaries.CONTROL_PLANE if self._with_cluster else ():
            binaries.find(name, reporter)

    def choose_ports(
        self, others: Mapping[str, int | None] | None = None, owner: Callable[[str], str] = str
    ) -> dict[str, int]:
        """Return a port for each name, those of earlier starts if they can be had.

        Args:
            others: names besides those of the parts, with the port to prefer.
            owner: tells to which part such a name belongs.
        """
        control_plane = cluster.PORTS if self._with_cluster else ()
        detour = DETOUR if self._with_detour else ()
        names = (*control_plane, "kafka", "kafka-controller", *detour, "postgres", "redis")

        def runs(port: str) -> bool:
            return recorded(self.folder.record(OWNERS.get(port) or owner(port))) is not None

        return choose(self.folder.ports, dict.fromkeys(names) | dict(others or {}), runs)

    def assemble(self, ports: Mapping[str, int], *, leashed: bool) -> None:
        """Make the parts without starting any; those that run already are found by their records.

        Args:
            ports: from `choose_ports`, now or earlier.
            leashed: whether parts die with this process.
        """
        self._ports = ports
        self.parts = {plan.name: Part(plan, self.folder, leashed=leashed) for plan in self._plans()}

    def chains(self) -> list[list[Part]]:
        """Return the parts in the order of their needs: chains side by side, each started from its head."""
        control_plane = [self.parts[name] for name in binaries.CONTROL_PLANE if name in self.parts]
        rest = [[part] for part in self.parts.values() if part not in control_plane]
        return [control_plane, *rest]

    def layers(self) -> list[list[Part]]:
        """Return the same parts by depth: those of one layer do not need each other."""
        chains = self.chains()
        depth = max(map(len, chains))
        return [[chain[level] for chain in chains if level < len(chain)] for level in range(depth)]

    @property
    def kubeconfig(self) -> Path:
        """Credentials of the cluster's administrator."""
        return self.folder.kubeconfig

    @property
    def kubectl(self) -> Path:
        """The kubectl that fits the cluster."""
        return self.folder.kubectl

    @property
    def audit_log(self) -> Path:
        """Every write to the API server, one JSON object a line (audit.k8s.io/v1 Event, level Metadata)."""
        return cluster.audit_log(self.folder)

    @property
    def kafka_bootstrap(self) -> str:
        """Address of the broker, host:port."""
        return f"{LOOPBACK}:{self._ports['kafka']}"

    @property
    def detour(self) -> tuple[int, int] | None:
        """The port of Kafka behind a proxy and the one before it, where the proxy has to listen."""
        behind, front = DETOUR
        return (self._ports[behind], self._ports[front]) if self._with_detour else None

    @property
    def certificates(self) -> Path:
        """Folder of the API server's certificate and key, for a proxy that stands in its place."""
        return cluster.certificates(self.folder)

    @property
    def redis_url(self) -> str:
        """Address of Redis."""
        return redis.url(self._ports["redis"])

    def database_url(self, name: str) -> str:
        """Return the address of a database, as superuser; makes the database when missing."""
        postgres.ensure_database(self._ports["postgres"], name)
        return postgres.url(self._ports["postgres"], name)

    def environment(self, database: str) -> dict[str, str]:
        """Return the variables with which the programs use this platform, without ports of their own.

        Args:
            database: name, to be made by `database_url` or by `migrate`.
        """
        cluster_access = {"KUBECONFIG": str(self.kubeconfig)} if self._with_cluster else {}
        return cluster_access | {
            "DBHOST": f"{LOOPBACK}:{self._ports['postgres']}",
            "DBNAME": database,
            "DBUSER": postgres.USER,
            "DBPASS": postgres.PASSWORD,
            "KAFKA_HOST": LOOPBACK,
            "KAFKA_PORT": str(self._ports["kafka"]),
            "REDIS_HOST": LOOPBACK,
            "REDIS_PORT": str(self._ports["redis"]),
            **CRYPTO,
            "TENANT_NAMESPACES": "auto",
            "AUTH_MODE": "gateway",
            "LOG_LEVEL": "INFO",
            # One operator at a time, which works at once also after its predecessor was killed.
            "LEADER_ELECTION": "false",
        }

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _plans(self) -> list[Plan]:
        ports = self._ports
        control_plane = cluster.plans(self.folder, ports, self._tokens) if self._with_cluster else []
        return [
            *control_plane,
            kafka.plan(self.folder, ports["kafka"], ports["kafka-controller"], self.detour),
            postgres.plan(self.folder, ports["postgres"]),
            redis.plan(self.folder, ports["redis"]),
        ]


def _link(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _first_free(root: Path) -> tuple[IO[str], Folder]:
    """Lock and return the first folder that no other process uses."""
    for candidate in chain([root], (root.with_name(f"{root.name}-{number}") for number in count(2))):
        candidate.mkdir(parents=True, exist_ok=True)
        lock = (candidate / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return lock, Folder(candidate)
    raise AssertionError  # count() does not end


def _empty(root: Path) -> None:
    for entry in os.scandir(root):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        elif entry.name != "lock":
            Path(entry.path).unlink()
