"""The stage of a measurement: the platform, our programs (not started yet) and a bare client."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import psutil
from sqlalchemy import make_url

from device_registry.access import Credentials
from device_registry.registry.migrate import migrate
from device_registry.registry.writer import make_engine
from local.manifests import Kubectl as Installer
from local.platform import Platform
from tests.support.kubectl import Kubectl
from tests.support.programs import Program, free_port

if TYPE_CHECKING:
    import ssl

CONNECTIONS = 32
"""Connections of the bare client, and of the operator's writer: both meet the API server alike."""
API = "/apis/dojot.io/v1alpha1/namespaces"


@dataclass(frozen=True)
class Setting:
    """What every measurement needs."""

    platform: Platform
    kubectl: Kubectl
    operator: Program
    facade: Program
    api_url: str

    def stop(self) -> None:
        """Stop the programs that run."""
        for program in (self.facade, self.operator):
            if program.alive:
                program.stop()

    @asynccontextmanager
    async def bare_client(self) -> AsyncIterator[aiohttp.ClientSession]:
        """A client of the API server that does nothing but send."""
        os.environ["KUBECONFIG"] = str(self.platform.kubeconfig)
        credentials = Credentials.load()
        context: ssl.SSLContext | bool = credentials.ssl_context()
        connector = aiohttp.TCPConnector(limit=CONNECTIONS, ssl=context)
        async with aiohttp.ClientSession(
            credentials.server, connector=connector, headers=credentials.headers()
        ) as session:
            yield session

    def peak_memory(self) -> float:
        """The most memory that the operator held so far, in MiB."""
        status = Path(f"/proc/{self.operator.pid}/status").read_text()
        (line,) = [one for one in status.splitlines() if one.startswith("VmHWM")]
        return int(line.split()[1]) / 1024

    def cpu_seconds(self) -> float:
        """The processor time that the operator used so far."""
        times = psutil.Process(self.operator.pid).cpu_times()
        return float(times.user + times.system)

    def writes(self, resource: str) -> float:
        """Writes to a resource that the API server has counted since it started."""
        lines = self.kubectl.run("get", "--raw", "/metrics").splitlines()
        counted = [line for line in lines if _is_write(line, resource)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in counted)


def a_setting(platform: Platform, database: str) -> Setting:
    """The platform with our resources, an empty registry, and programs that wait for their start."""
    kubectl = Kubectl.of(platform)
    Installer(platform.kubectl, {"KUBECONFIG": str(platform.kubeconfig)}).install()
    migrate(make_engine(make_url(platform.database_url(database)).set(drivername="postgresql+psycopg2")))
    port = free_port()
    environment = {**platform.environment(database), "API_PORT": str(port), "LOG_LEVEL": "WARNING"}
    logs = platform.folder
    return Setting(
        platform=platform,
        kubectl=kubectl,
        operator=Program("operator", {**environment, "WATCH_NAMESPACES": "bench,rest"}, logs.log("operator")),
        facade=Program("api", environment, logs.log("api")),
        api_url=f"http://127.0.0.1:{port}",
    )


def device(namespace: str, number: int) -> dict[str, Any]:
    """A device as git would declare it: one template, an override, a label."""
    serial = {"label": "serial", "type": "static", "staticValue": f"SN-{number}"}
    return {
        "apiVersion": "dojot.io/v1alpha1",
        "kind": "Device",
        "metadata": {"name": f"sensor-{number}", "namespace": namespace, "labels": {"site": "bench"}},
        "spec": {
            "label": f"Sensor {number}",
            "templates": [{"name": "sensor"}],
            "attributes": [serial],
        },
    }


def template(namespace: str) -> dict[str, Any]:
    """A template of five attributes, as the figures of the original were measured with."""
    dynamic = [
        {"label": label, "type": "dynamic", "valueType": "float"}
        for label in ("temperature", "humidity", "battery")
    ]
    static = [
        {"label": "serial", "type": "static", "valueType": "string", "staticValue": "none"},
        {"label": "model", "type": "static", "valueType": "string", "staticValue": "M1"},
    ]
    return {
        "apiVersion": "dojot.io/v1alpha1",
        "kind": "Template",
        "metadata": {"name": "sensor", "namespace": namespace},
        "spec": {"label": "Sensor", "attributes": [*dynamic, *static]},
    }


def body(value: Any) -> bytes:
    """JSON as the bare client sends it, made before the clock starts."""
    return json.dumps(value).encode()


def _is_write(line: str, resource: str) -> bool:
    verbs = ('verb="POST"', 'verb="PUT"', 'verb="PATCH"', 'verb="APPLY"', 'verb="DELETE"')
    return (
        line.startswith("apiserver_request_total{")
        and f'resource="{resource}"' in line
        and any(verb in line for verb in verbs)
    )
