"""The programs of this project as processes, for end-to-end tests: start, stop, kill, restart."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.support import aspods

_PATIENCE = 60.0
"""Seconds until a program must be ready: ten times what it needs on two busy cores."""


class Program:
    """`device-manager <name>` with an environment; ready when `start` returns."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.metrics_port = free_port()
        self._environment = {
            **environment,
            "METRICS_PORT": str(self.metrics_port),
            "METRICS_HOST": "127.0.0.1",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> Self:
        """Start it, with more variables if some are given, and wait until it says that it is ready."""
        self.launch(**environment)
        self.wait_until_ready()
        return self

    def launch(self, **environment: str) -> None:
        """Start it without waiting."""
        command = [sys.executable, "-m", "device_manager", self.name]
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.log.parent),
            **self._environment,
            **environment,
        }
        if os.environ.get("E2E_AS_PODS"):
            command, env = aspods.launching(self.name, env)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)

    def stop(self) -> int:
        """Ask it to end, as Kubernetes does; answers the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a chance to say goodbye."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it sleep, as a node does that is out of memory or whose virtual machine is being moved."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Wake it up."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def wait(self, within: float = 30) -> int:
        """Wait until it has ended by itself; answers the exit code."""
        assert self._process is not None
        return self._process.wait(timeout=within)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged, as JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def metrics(self) -> dict[str, float]:
        """Its metrics now: name with labels, as exported, to value."""
        lines = self._get("/metrics").splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if line and not line.startswith("#")]
        return {name: float(value) for name, value in pairs}

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(how)
        return self._process.wait(timeout=30)

    def wait_until_ready(self) -> None:
        """Wait until it says that it is ready; raises AssertionError when it ends or takes too long."""
        deadline = time.monotonic() + _PATIENCE
        while not self.ready:
            assert self.alive, f"{self.name} ended at start:\n{self._tail()}"
            assert time.monotonic() < deadline, f"{self.name} is not ready:\n{self._tail()}"
            time.sleep(0.05)

    @property
    def ready(self) -> bool:
        """Whether it says that it is ready."""
        try:
            return bool(self._get("/readyz")) or True
        except (urllib.error.URLError, OSError):
            return False

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def _tail(self) -> str:
        return "\n".join(self.log.read_text().splitlines()[-20:])


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
