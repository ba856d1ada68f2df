"""The chart, installed on a platform by Helm and run by the kubelet: what the chart's tests look at."""

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from sqlalchemy import create_engine

from local.platform import Platform
from tests.support.helm import CHART, MINUTES, Helm, HelmError
from tests.support.kubectl import Kubectl
from tests.support.kubelet import Kubelet
from tests.support.programs import Program
from tests.support.road import Road
from tests.support.waiting import eventually

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
_SECRET = "device-manager-outside"


@dataclass
class Installation:
    """One release of the chart, in a namespace of its own that admits restricted pods only."""

    platform: Platform
    helm: Helm
    kubectl: Kubectl
    kubelet: Kubelet
    namespace: str
    database: str
    release: str = "dm"
    values: dict[str, Any] = field(default_factory=dict)

    def prepare(self) -> None:
        """Make the namespace, and the Secret that an administrator would bring along."""
        self.kubectl.create_namespace(self.namespace)
        self.kubectl.run("label", "namespace", self.namespace, RESTRICTED)
        known = self.platform.environment(self.database)
        secrets = {
            "password": known["DBPASS"],
            "crypto": known["DEV_MNGR_CRYPTO_PASS"],
            "salt": known["DEV_MNGR_CRYPTO_SALT"],
        }
        literals = [f"--from-literal={name}={value}" for name, value in secrets.items()]
        self.kubectl.run("create", "secret", "generic", _SECRET, "-n", self.namespace, *literals)

    def install(self, chart: str = str(CHART), *arguments: str, **values: Any) -> str:
        """`helm upgrade --install --wait`, with values besides those that say where the platform is."""
        given = _merged(_merged(self._outside(), self.values), values)
        # The CRDs outlive a release; they belonged to that of another test before.
        command = ("upgrade", "--install", self.release, chart, "--take-ownership")
        try:
            return self.helm.run(
                *command,
                *("--wait", f"--timeout={MINUTES}", f"--namespace={self.namespace}"),
                *arguments,
                values=given,
            )
        except HelmError as error:
            error.add_note(self.said())
            raise

    def said(self) -> str:
        """The end of what every pod printed, and what the kubelet could not do."""
        here = [one for one in self.kubelet.pods.values() if one.path.split("/")[4] == self.namespace]
        return "\n".join([*(one.said() for one in here), *self.kubelet.trouble[-3:]])

    def __enter__(self) -> Self:
        """Begin alone: two operators that serve all namespaces would work on the same devices."""
        for one in json.loads(self.helm.run("list", "--all-namespaces", "--output=json")):
            self.helm.run("uninstall", one["name"], f"--namespace={one['namespace']}")
        self.prepare()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no operator behind that would work on the next test's devices, whatever happened."""
        self.uninstall("--ignore-not-found")

    def uninstall(self, *arguments: str) -> str:
        """`helm uninstall`."""
        return self.helm.run("uninstall", self.release, f"--namespace={self.namespace}", *arguments)

    def journey(self) -> str:
        """Run `helm test`; answers what its pod printed."""
        self.helm.run("test", self.release, f"--namespace={self.namespace}")
        path = f"/api/v1/namespaces/{self.namespace}/pods/{self.named('test')}"
        return self.kubelet.pods[path].log.read_text()

    def named(self, component: str) -> str:
        """What an object of a component is called."""
        return f"{self.release}-device-manager-{component}"

    def can(self, component: str, *question: str) -> bool:
        """What `kubectl auth can-i` says of the component's service account."""
        account = f"system:serviceaccount:{self.namespace}:{self.named(component)}"
        return self.kubectl.answers("auth", "can-i", *question, f"--as={account}") == "yes"

    def url(self, component: str = "facade", port: int = 5000) -> str:
        """Where a ready pod of a component listens."""
        ready = eventually(lambda: [one for one in self.kubelet.of(component) if one.ready], within=60)
        return f"http://{ready[0].address}:{port}"

    def road(self) -> Road:
        """The whole road from kubectl to Kafka, with the installed operator on it."""
        engine = create_engine(self.platform.database_url(self.database))
        return Road(self.platform, self.kubectl, InstalledOperator(self), engine)

    def _outside(self) -> dict[str, Any]:
        known = self.platform.environment(self.database)
        host, _, port = known["DBHOST"].partition(":")
        return {
            "database": {
                "host": host,
                "port": int(port),
                "name": self.database,
                "user": known["DBUSER"],
                "existingSecret": _SECRET,
            },
            "kafka": {"hosts": [known["KAFKA_HOST"]], "port": int(known["KAFKA_PORT"])},
            "redis": {"host": known["REDIS_HOST"], "port": int(known["REDIS_PORT"])},
            "encryption": {
                "existingSecret": _SECRET,
                "secretKeys": {"password": "crypto", "salt": "salt"},
            },
        }


class InstalledOperator(Program):
    """What tests do with an operator, done as an administrator would: by its Deployment."""

    def __init__(self, installation: Installation) -> None:
        super().__init__("operator", {}, installation.platform.folder.log(installation.namespace))
        self._installation = installation
        self._deployment = f"deployment/{installation.named('operator')}"

    def start(self, **environment: str) -> Self:
        """Scale it up again, with other variables if some are given."""
        if environment:
            self._run(
                "set", "env", self._deployment, *(f"{name}={text}" for name, text in environment.items())
            )
        self._run("scale", self._deployment, "--replicas=1")
        self._run("rollout", "status", self._deployment, "--timeout=120s")
        return self

    def stop(self) -> int:
        """Scale it down and wait until no pod is left."""
        self._run("scale", self._deployment, "--replicas=0")
        eventually(lambda: not self._installation.kubelet.of("operator"), within=60, what="no operator")
        return 0

    def restart(self) -> None:
        """Replace its pods."""
        self._run("rollout", "restart", self._deployment)
        self._run("rollout", "status", self._deployment, "--timeout=120s")

    def kill(self) -> None:
        """End its processes; Kubernetes starts them again."""
        for pod in self._installation.kubelet.of("operator"):
            pod.kill()

    @property
    def pid(self) -> int:
        """Of one of its processes."""
        return self._installation.kubelet.of("operator")[0].pid or 0

    @property
    def alive(self) -> bool:
        """Whether a pod of it runs."""
        return bool(self._installation.kubelet.of("operator"))

    def metrics(self) -> dict[str, float]:
        """Metrics of the operator that leads, or of any."""
        self._installation.url("operator")
        pods = [one for one in self._installation.kubelet.of("operator") if one.ready]
        found = [_metrics(f"http://{one.address}:9090/metrics") for one in pods]
        return max(found, key=lambda one: one["device_manager_leader"])

    def _run(self, *arguments: str) -> str:
        return self._installation.kubectl.run("-n", self._installation.namespace, *arguments)


def _metrics(url: str) -> dict[str, float]:
    with urllib.request.urlopen(url, timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if line and not line.startswith("#")]
    return {name: float(value) for name, value in pairs}


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        known = merged.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[name] = _merged(known, value)
        else:
            merged[name] = value
    return merged
