"""Devices that talk and fall silent, for as long as they are let."""

import heapq
import random
import threading
import time

from tests.support.monitored import DeviceTopic

AGAIN = 0.02
"""Share of the messages that are sent twice, as a producer that retries would."""


class Talk:
    """A thread that is all devices; `lasting` is how long their data count, in milliseconds."""

    def __init__(self, topic: DeviceTopic, lasting: dict[str, int], seed: int) -> None:
        self.sent = 0
        self._topic = topic
        self._lasting = lasting
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="talk")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Fall silent, for good."""
        self._over.set()
        self._thread.join()
        self._topic.flush()

    def _run(self) -> None:
        now = time.monotonic()
        due = [(now + self._random.random() * self._seconds(one), one) for one in self._lasting]
        heapq.heapify(due)
        while not self._over.is_set():
            when, device = due[0]
            if self._over.wait(max(0.0, when - time.monotonic())):
                return
            heapq.heapreplace(due, (max(when, time.monotonic() - 1) + self._say(device), device))

    def _say(self, device: str) -> float:
        """Send data; answers after how many seconds the device talks again."""
        exp = self._random.uniform(0.5, 1.5) * self._seconds(device) if self._random.random() < 0.2 else None
        for _ in range(2 if self._random.random() < AGAIN else 1):
            self._topic.send(device, exp=exp and round(exp, 3))
            self.sent += 1
        silent = self._random.random() < 0.15
        return self._seconds(device) * (
            self._random.uniform(0.9, 3) if silent else self._random.uniform(0.2, 0.6)
        )

    def _seconds(self, device: str) -> float:
        return self._lasting[device] / 1000
