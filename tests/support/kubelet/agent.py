"""The loop: finds pods that are to run here, which are all, and looks after each."""

import itertools
import re
import threading
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.apiserver import Answered, ApiServer
from tests.support.dockerfile import Image

from .pod import Node, Pod

_NODE = "this-machine"
_ROUND_SECONDS = 0.2
_SERVICE = re.compile(r"http://([a-z0-9-]+)\.([a-z0-9-]+)\.svc:(\d+)")


class Kubelet:
    """Runs every pod of the cluster; enter it as a context. `pods` are those that it knows, by path."""

    def __init__(self, kubeconfig: Path, image: Image, folder: Path) -> None:
        self.api = ApiServer(kubeconfig)
        self.pods: dict[str, Pod] = {}
        self.trouble: list[str] = []
        self._node = Node(self.api, image, folder, self._with_services)
        self._addresses = (f"127.1.{number // 250}.{number % 250 + 1}" for number in itertools.count())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet")

    def __enter__(self) -> Self:
        self._node.folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        for pod in self.pods.values():
            pod.kill()

    def of(self, component: str) -> list[Pod]:
        """The running pods of a component (label app.kubernetes.io/component)."""
        return [one for one in list(self.pods.values()) if one.pid and _component(one.spec) == component]

    def _run(self) -> None:
        while not self._stop.wait(_ROUND_SECONDS):
            try:
                self._round()
            except (Answered, OSError) as error:  # a kubelet outlives an API server that is away
                self.trouble.append(str(error))

    def _round(self) -> None:
        found = {_path(one): one for one in self.api.get("/api/v1/pods")["items"]}
        for path, spec in found.items():
            if "deletionTimestamp" in spec["metadata"]:
                self._remove(path, spec)
            elif path not in self.pods and "nodeName" not in spec["spec"]:
                self._bind(spec)
        for path in self.pods.keys() - found.keys():
            self.pods.pop(path).kill()
        for pod in self.pods.values():
            if not pod.ending:
                pod.step()

    def _bind(self, spec: Mapping[str, Any]) -> None:
        pod = Pod(self._node, spec, next(self._addresses))
        target = {"apiVersion": "v1", "kind": "Node", "name": _NODE}
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.name},
            "target": target,
        }
        self.api.call("POST", f"{pod.path}/binding", binding)
        self.pods[pod.path] = pod

    def _remove(self, path: str, spec: Mapping[str, Any]) -> None:
        if (pod := self.pods.get(path)) and not pod.ended():
            return
        self.pods.pop(path, None)
        now = {"gracePeriodSeconds": 0, "preconditions": {"uid": spec["metadata"]["uid"]}}
        try:
            self.api.call("DELETE", path, now)
        except Answered as answer:
            if answer.code not in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                raise

    # --- names and addresses --------------------------------------------------------------------------

    def _with_services(self, text: str) -> str:
        return _SERVICE.sub(self._behind, text)

    def _behind(self, url: re.Match[str]) -> str:
        """The URL of a ready pod of the Service; the URL itself while there is none."""
        name, namespace, port = url.groups()
        service = self.api.find(f"/api/v1/namespaces/{namespace}/services/{name}")
        if service is None:
            return url.group()
        (target,) = [one["targetPort"] for one in service["spec"]["ports"] if str(one["port"]) == port]
        selector = service["spec"]["selector"].items()
        for pod in self.pods.values():
            if pod.ready and selector <= pod.spec["metadata"]["labels"].items():
                return f"http://{pod.address}:{_port(pod.spec, target)}"
        return url.group()


def _port(spec: Mapping[str, Any], name: str) -> int:
    ports = spec["spec"]["containers"][0]["ports"]
    return next(int(one["containerPort"]) for one in ports if one["name"] == name)


def _path(spec: Mapping[str, Any]) -> str:
    return f"/api/v1/namespaces/{spec['metadata']['namespace']}/pods/{spec['metadata']['name']}"


def _component(spec: Mapping[str, Any]) -> str:
    return str(spec["metadata"].get("labels", {}).get("app.kubernetes.io/component", ""))
