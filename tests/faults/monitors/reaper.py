"""Kills, stops and freezes monitors at random, and starts them again."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence

from tests.support.programs import Program


class Reaper:
    """A thread that goes for one monitor after the other; each comes back within seconds."""

    def __init__(self, monitors: Sequence[Program], pauses: tuple[float, float], seed: int) -> None:
        """`pauses`: seconds between two attacks, at least and at most."""
        self.attacks: Counter[str] = Counter()
        self.times: list[int] = []
        """When a monitor was attacked or came back, milliseconds."""
        self._monitors = monitors
        self._pauses = pauses
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reaper")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Leave every monitor running."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        ways = {
            "killed": self._kill,
            "stopped": self._stop,
            "frozen": self._freeze,
            "all killed": self._kill_all,
        }
        while not self._over.wait(self._random.uniform(*self._pauses)):
            (way,) = self._random.choices(list(ways), weights=[5, 2, 2, 1])
            self._note()
            ways[way](self._random.choice(self._monitors))
            self._note()
            self.attacks[way] += 1

    def _kill(self, monitor: Program) -> None:
        monitor.kill()
        self._over.wait(self._random.uniform(0, 5))
        monitor.start()

    def _stop(self, monitor: Program) -> None:
        monitor.stop()
        monitor.start()

    def _freeze(self, monitor: Program) -> None:
        os.kill(monitor.pid, signal.SIGSTOP)
        self._over.wait(self._random.uniform(1, 15))
        os.kill(monitor.pid, signal.SIGCONT)

    def _kill_all(self, _: Program) -> None:
        for monitor in self._monitors:
            monitor.kill()
        self._over.wait(self._random.uniform(0, 3))
        for monitor in self._monitors:
            monitor.start()

    def _note(self) -> None:
        self.times.append(round(time.time() * 1000))
