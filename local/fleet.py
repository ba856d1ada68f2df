"""The show of `make run`: a company's fleet in the cluster, seen through kubectl, REST and Kafka.

Called by `local.__main__` on a platform that is up. What is printed is what the real programs answer.
"""

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import yaml
from kafka import KafkaConsumer, TopicPartition
from rich.console import Console

from local.errors import PlatformError
from local.folder import PROJECT
from local.manifests import Kubectl
from local.progress import Reporter

EXAMPLE = PROJECT / "examples" / "cold-chain"
SUBJECT = "dojot.device-manager.device"
WAIT = "180s"
"""Until every resource is Ready; sixty devices take seconds."""

HTTP_TIMEOUT = 10
PATIENCE = 30.0
"""Seconds until REST must know a device that the cluster shows as Ready: the operator looks at start."""
INTERVAL = 0.5
POLL_MS = 1000


@dataclass(frozen=True)
class Fleet:
    """The example fleet on one platform.

    Attributes:
        kubectl: on the cluster.
        variables: of `.local/env`.
        console: where to show it.
    """

    kubectl: Kubectl
    variables: Mapping[str, str]
    console: Console

    @property
    def namespace(self) -> str:
        """The namespace that the example's kustomization puts everything into."""
        return str(yaml.safe_load((EXAMPLE / "kustomization.yaml").read_text())["namespace"])

    def apply(self, reporter: Reporter) -> None:
        """Apply the example and wait until all of it is Ready; raises PlatformError."""
        with reporter.step(f"applying {EXAMPLE.relative_to(PROJECT)}", "5 s"):
            self.kubectl.run("apply", "-k", str(EXAMPLE))
        with reporter.step("waiting until every template and device is Ready", "10 s"):
            wait = ("wait", "--for=condition=Ready", f"--timeout={WAIT}", "--all")
            self.kubectl.run(*wait, "--namespace", self.namespace, "templates.dojot.io,devices.dojot.io")

    def show(self) -> None:
        """Print the fleet as kubectl has it, one device of it by REST, and that device's Kafka records."""
        self._say("kubectl get templates,devices -A")
        self._print(self.kubectl.run("get", "templates.dojot.io,devices.dojot.io", "-A"))
        tenant, device = self._tenant(), self._a_device()
        self._show_rest(tenant, device)
        self._show_records(tenant, device)

    def _tenant(self) -> str:
        path = r"jsonpath={.metadata.annotations.dojot\.io/tenant}"
        return self.kubectl.run("get", "namespace", self.namespace, "-o", path) or self.namespace

    def _a_device(self) -> str:
        ids = self.kubectl.run(
            "get", "devices.dojot.io", "-n", self.namespace, "-o", "jsonpath={.items[*].status.deviceId}"
        ).split()
        if not ids:
            raise PlatformError(f"{EXAMPLE} declares no device.")
        return ids[0]

    def _show_rest(self, tenant: str, device: str) -> None:
        url = f"{self.variables['API_URL']}/device/{device}"
        token = token_for(tenant)
        self._say(f"curl -H 'Authorization: Bearer {token}' {url}")
        self._print(json.dumps(read(url, token), indent=2))

    def _show_records(self, tenant: str, device: str) -> None:
        topic = f"{tenant}.{SUBJECT}"
        self._say(f"Kafka topic {topic}, records of device {device}")
        for record in records(self.variables["KAFKA_BOOTSTRAP"], topic, f"{tenant}:{device}".encode()):
            headers = {name: value.decode() for name, value in record.headers}
            where = f"partition {record.partition}, offset {record.offset}, key {record.key.decode()}"
            self._print(f"{where}\nheaders {json.dumps(headers)}\nvalue   {record.value.decode()}\n")

    def _say(self, command: str) -> None:
        self.console.print(f"\n[bold]$ {command}[/]", highlight=False, soft_wrap=True)

    def _print(self, text: str) -> None:
        self.console.print(text.rstrip("\n"), markup=False, highlight=False, soft_wrap=True)


def read(url: str, token: str, patience: float = PATIENCE) -> Any:
    """Return what REST answers; waits a while for a device that it does not know yet.

    Raises:
        PlatformError: it never comes to know it, or does not answer at all.
    """
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    deadline = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(request, timeout=HTTP_TIMEOUT) as answer:  # noqa: S310 - our own address
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            if refusal.code != HTTPStatus.NOT_FOUND or time.monotonic() > deadline:
                raise PlatformError(_unknown(url, refusal)) from refusal
        except OSError as error:
            raise PlatformError(f"{url} does not answer: {error}. See `python -m local status`.") from error
        time.sleep(INTERVAL)


def _unknown(url: str, refusal: urllib.error.HTTPError) -> str:
    told = f"{url} answers {refusal.code}"
    if refusal.code != HTTPStatus.NOT_FOUND:
        return f"{told}: {refusal.read().decode(errors='replace').strip()}"
    return (
        f"{told}, although the cluster shows the device as Ready: it is registered elsewhere. Another"
        " operator serves this cluster, or the one that did has left its status there. Stop the other one,"
        " delete the resources, or let KUBECONFIG name another cluster."
    )


def token_for(tenant: str) -> str:
    """Return a token as the API gateway hands it on: unsigned, the tenant in the claim `service` (dojot)."""
    pieces = ({"alg": "none", "typ": "JWT"}, {"service": tenant, "username": "laptop"})
    encoded = (base64.urlsafe_b64encode(json.dumps(piece).encode()).rstrip(b"=").decode() for piece in pieces)
    return ".".join((*encoded, "unsigned"))


def records(bootstrap: str, topic: str, key: bytes) -> Iterator[Any]:
    """Yield the records with a key that a topic holds now, oldest first per partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(each) < ends[each] for each in partitions):
            for batch in consumer.poll(POLL_MS).values():
                yield from (record for record in batch if record.key == key)
    finally:
        consumer.close()
