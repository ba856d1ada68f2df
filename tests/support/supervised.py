"""A program that is started again whenever it ends, as Kubernetes would, and a note of every end.

The fault tests kill, freeze and arm it; what ends without being asked to is `unplanned`.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from device_registry.faultpoints import EXIT_CODE, VARIABLE
from local.process import LEASH

from .programs import free_port
from .waiting import eventually

STEPPED_DOWN = 1
"""Exit code of an operator that may not lead any more: a new process is how it begins anew."""

PAUSE = 0.3
"""Seconds between an end and the next start."""


class Supervised:
    """`device-manager <name>` under supervision; dies with this process.

    Attributes:
        metrics_port: where its probes and metrics are.
        unplanned: exit codes of ends that nobody asked for.
        stepped_down: how often it ended because it might not lead any more.
        points: how often it ended at each fault point.
        starts: how often it was started.
    """

    def __init__(self, name: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.metrics_port = free_port()
        self.unplanned: list[int] = []
        self.stepped_down = 0
        self.points: Counter[str] = Counter()
        self.starts = 0
        self._log = log
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(log.parent),
            **environment,
            "METRICS_PORT": str(self.metrics_port),
            "METRICS_HOST": "127.0.0.1",
        }
        self._elects = environment.get("LEADER_ELECTION") == "true"
        self._armed = ""
        self._asked = False
        self._wanted = threading.Event()
        self._held = threading.Event()
        self._held.set()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._supervise, name=f"supervisor of {name}", daemon=True)

    def start(self) -> Self:
        """Start it for the first time and wait until it is ready."""
        self._wanted.set()
        self._thread.start()
        eventually(self.ready, within=60, what=f"{self.name} to be ready")
        return self

    def close(self) -> int:
        """Stop it for good, as Kubernetes would; answers the last exit code."""
        self._wanted.clear()
        self._held.set()
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        self._thread.join(30)
        return self._process.returncode if self._process is not None else 0

    # --- faults ---------------------------------------------------------------------------------------

    def kill(self) -> None:
        """End it with -9; it is started again at once."""
        self._end(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end; it is started again."""
        self._end(signal.SIGTERM)

    def arm(self, point: str) -> None:
        """Start it anew so that it ends by itself at a fault point, `name` or `name@times`."""
        self._armed = point
        self.kill()

    def hold_down(self) -> None:
        """End it with -9 and leave it so until `let_up`."""
        self._held.clear()
        self.kill()

    def let_up(self) -> None:
        """Start what was held down."""
        self._held.set()

    def freeze(self) -> None:
        """Stop it in its tracks; it keeps its connections."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    # --- what is going on -----------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """Its process id now or last."""
        assert self._process is not None
        return self._process.pid

    @property
    def armed(self) -> bool:
        """Whether a fault point is still to be reached, by this start or the next."""
        return self._armed != ""

    def ready(self) -> bool:
        """Whether it says that it is."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/readyz", timeout=2):
                return True
        except OSError:
            return False

    def metrics(self) -> dict[str, float]:
        """Its metrics now: name with labels, as exported, to value."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if line and not line.startswith("#")]
        return {name: float(value) for name, value in pairs}

    def memory(self) -> float:
        """What it holds of memory now, in MiB; 0 while it is being started."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return 0.0
        held = [one for one in status.splitlines() if one.startswith("VmRSS")]
        return int(held[0].split()[1]) / 1024 if held else 0.0

    # --- supervision ----------------------------------------------------------------------------------

    def _supervise(self) -> None:
        while self._wanted.is_set():
            self._held.wait()
            if not self._wanted.is_set():
                return
            self._asked = False
            self._process = process = self._launch()
            self._note(process.wait())
            time.sleep(PAUSE)

    def _launch(self) -> "subprocess.Popen[bytes]":
        self.starts += 1
        point = {VARIABLE: self._armed} if self._armed else {}
        leash = [sys.executable, "-I", str(LEASH), str(os.getpid()), ""]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [*leash, sys.executable, "-m", "device_manager", self.name],
                env={**self._environment, **point},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _note(self, code: int) -> None:
        if code == EXIT_CODE:
            self.points[self._armed.partition("@")[0]] += 1
            self._armed = ""
        elif not self._asked and self._wanted.is_set():
            if code == STEPPED_DOWN and self._elects:
                self.stepped_down += 1
            else:
                self.unplanned.append(code)

    def _end(self, how: signal.Signals) -> None:
        self._asked = True
        self._signal(signal.SIGCONT)
        self._signal(how)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
