"""One pod as a process: started as it says, probed, restarted, stopped; the API server hears its status."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from local import leash
from tests.support.apiserver import MERGE, Answered, ApiServer
from tests.support.dockerfile import Image

from . import readonly
from .environment import Missing, environment, replaced
from .files import TOKEN_PATH, Volumes

_LISTENING = ("METRICS_HOST", "API_HOST")
_READ_ONLY = (sys.executable, "-I", readonly.__file__)
_LEASH = (sys.executable, "-I", leash.__file__)
"""Pods must not outlive the tests that run them, however these end."""
_PROBE_SECONDS = 2.0
_PROBE_PERIOD = 0.5
"""Seconds between two probes: a tenth of what the chart says, as nobody wants to wait."""
_RESTART_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Node:
    """What all pods share."""

    api: ApiServer
    image: Image
    folder: Path
    service: Callable[[str], str]
    """Replaces URLs of Services in a text."""


@dataclass
class Pod:
    """A pod with one container. `step` is called again and again and does what is due."""

    node: Node
    spec: Mapping[str, Any]
    address: str
    restarts: int = 0
    exit_code: int | None = None
    _process: subprocess.Popen[bytes] | None = None
    _ready: bool = False
    _waiting: str = ""
    _again: float = 0.0
    _probe_at: float = 0.0
    _killed_at: float = 0.0
    _told: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.spec["metadata"]["name"])

    @property
    def path(self) -> str:
        """Where the API server has it."""
        return f"/api/v1/namespaces/{self.spec['metadata']['namespace']}/pods/{self.name}"

    @property
    def folder(self) -> Path:
        """What is its own here; two namespaces may have pods of one name."""
        return self.node.folder / f"{self.spec['metadata']['namespace']}.{self.name}"

    @property
    def log(self) -> Path:
        """What its container prints."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def said(self, characters: int = 3_000) -> str:
        """The end of what its container printed."""
        text = self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""
        return f"--- {self.name} {self._status()}\n{text}"

    @property
    def ready(self) -> bool:
        """What its readiness probe said last."""
        return self._ready and not self.ending

    @property
    def pid(self) -> int | None:
        """Of the process, if it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def _container(self) -> Mapping[str, Any]:
        (only,) = self.spec["spec"]["containers"]
        found: Mapping[str, Any] = only
        return found

    def step(self) -> None:
        """Start it, look after it, tell about it."""
        if self.exit_code is None:
            if self._process is None:
                self._start()
            elif (code := self._process.poll()) is not None:
                self._ended(code)
            elif time.monotonic() >= self._probe_at:
                self._ready = self._probe("readinessProbe")
                self._probe_at = time.monotonic() + _PROBE_PERIOD
        self._tell()

    def ended(self) -> bool:
        """End it as Kubernetes does: SIGTERM, SIGKILL after the time of grace. Ask until it has."""
        if self._process is None or self._process.poll() is not None:
            return True
        if not self.ending:
            self._killed_at = time.monotonic() + self.spec["spec"]["terminationGracePeriodSeconds"]
            self._process.terminate()
        elif time.monotonic() > self._killed_at:
            self._process.kill()
        return False

    @property
    def ending(self) -> bool:
        """Whether it was told to end."""
        return self._killed_at > 0

    def kill(self) -> None:
        """End it without a chance to say goodbye; it is started again."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    # --- the process ----------------------------------------------------------------------------------

    def _start(self) -> None:
        if time.monotonic() < self._again:
            return
        try:
            command, env = self._command()
        except Missing as error:
            self._waiting = str(error)
            return
        self._waiting = ""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=env,
                cwd="/",
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _command(self) -> tuple[list[str], dict[str, str]]:
        image, container = self.node.image, self._container
        told = {**self.spec, "status": {"podIP": self.address}}
        volumes = Volumes(self.node.api, told, self.folder, self._user)
        places = volumes.mount(container)
        env = {
            name: self._located(value, places)
            for name, value in environment(self.node.api, told, container).items()
        }
        env |= dict.fromkeys(_LISTENING, self.address)
        if TOKEN_PATH in places:
            env["KUBECONFIG"] = volumes.kubeconfig(places[TOKEN_PATH])
        entry, *rest = container.get("command") or image.entrypoint
        arguments = [self._located(one, places) for one in container.get("args", ())]
        command = [*self._wrapped(volumes), str(image.path("/app/bin") / entry), *rest, *arguments]
        return command, image.environment | env

    def _wrapped(self, volumes: Volumes) -> list[str]:
        """What is put before a command: what it may write, whose process it is, and who runs it."""
        context = self._container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]
        owner = [*_LEASH, str(os.getpid()), str(self._user or "")]
        return [*_READ_ONLY, ":".join(volumes.writable()), *owner]

    def _located(self, text: str, places: Mapping[str, str]) -> str:
        return replaced(text, places, self.node.service)

    @property
    def _user(self) -> int | None:
        """Who runs it; without root it is whoever runs the tests."""
        context = {**self.spec["spec"]["securityContext"], **self._container["securityContext"]}
        assert context["runAsNonRoot"]
        return self.node.image.runs_as(int(context["runAsUser"]))

    def _ended(self, code: int) -> None:
        self._ready = False
        policy = self.spec["spec"]["restartPolicy"]
        if policy == "Always" or (policy == "OnFailure" and code):
            self._process = None
            self.restarts += 1
            self._again = time.monotonic() + _RESTART_SECONDS
        else:
            self.exit_code = code

    def _probe(self, which: str) -> bool:
        probe = self._container.get(which)
        if probe is None:
            return True
        ports = {one["name"]: one["containerPort"] for one in self._container["ports"]}
        port = ports[probe["httpGet"]["port"]]
        url = f"http://{self.address}:{port}{probe['httpGet']['path']}"
        try:
            with urllib.request.urlopen(url, timeout=_PROBE_SECONDS) as answer:
                return int(answer.status) == HTTPStatus.OK
        except (urllib.error.URLError, OSError):
            return False

    # --- its status -----------------------------------------------------------------------------------

    def _tell(self) -> None:
        status = self._status()
        if status == self._told:
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = [{**one, "lastTransitionTime": now} for one in status["conditions"]]
        body = {"status": {**status, "conditions": conditions, "startTime": now}}
        try:
            self.node.api.call("PATCH", f"{self.path}/status", body, MERGE)
        except Answered as answer:
            if answer.code != HTTPStatus.NOT_FOUND:
                raise
        self._told = status

    def _status(self) -> dict[str, Any]:
        ready = "True" if self._ready else "False"
        container = {
            "name": self._container["name"],
            "image": self._container["image"],
            "imageID": "",
            "ready": self._ready,
            "restartCount": self.restarts,
            "state": self._state(),
        }
        return {
            "phase": self._phase(),
            "podIP": self.address,
            "podIPs": [{"ip": self.address}],
            "conditions": [{"type": name, "status": ready} for name in ("Ready", "ContainersReady")],
            "containerStatuses": [container],
        }

    def _phase(self) -> str:
        if self.exit_code is None:
            return "Running" if self._process or self.restarts else "Pending"
        return "Failed" if self.exit_code else "Succeeded"

    def _state(self) -> dict[str, Any]:
        if self.exit_code is not None:
            return {"terminated": {"exitCode": self.exit_code}}
        if self._process is None:
            reason = "CreateContainerConfigError" if self._waiting else "CrashLoopBackOff"
            return {"waiting": {"reason": reason, "message": self._waiting}}
        return {"running": {}}
