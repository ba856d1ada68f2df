"""Makes trouble: one thread a lane, each kind as often as any other, in an order that the seed gives."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from .troubles import Lanes, Trouble

LONGEST_SECONDS = 4.0
SHORTEST_SECONDS = 0.3


class Weather:
    """Runs the lanes until stopped.

    Attributes:
        counts: how often each kind happened.
        now: what is going on, by lane.
        failures: what could not be ended, in words: then the suite itself is broken.
    """

    def __init__(self, lanes: Lanes, seed: int, every: dict[str, float]) -> None:
        """Prepare; `every` gives for each lane the seconds from one beginning to the next."""
        self.counts: Counter[str] = Counter({one.name: 0 for lane in lanes.values() for one in lane})
        self.now: dict[str, str] = {}
        self.failures: list[str] = []
        self._lanes = lanes
        self._every = every
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(name, random.Random(f"{seed}/{name}")), daemon=True)
            for name in lanes
        ]

    def start(self) -> None:
        """Let it begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End what goes on, and wait until everything stands again."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, name: str, chance: random.Random) -> None:
        for trouble in _shuffled(self._lanes[name], chance):
            began = time.monotonic()
            self.now[name] = trouble.name
            self.counts[trouble.name] += 1
            self._endure(trouble, chance)
            self.now.pop(name)
            if self._stop.wait(max(0.0, began + self._every[name] - time.monotonic())):
                return

    def _endure(self, trouble: Trouble, chance: random.Random) -> None:
        try:
            trouble.begin()
            self._stop.wait(chance.uniform(SHORTEST_SECONDS, LONGEST_SECONDS))
        except Exception as error:  # noqa: BLE001 - told at the end, with everything else
            self.failures.append(f"{trouble.name} did not begin: {error!r}")
        finally:
            self._end(trouble)

    def _end(self, trouble: Trouble) -> None:
        try:
            trouble.end()
        except Exception as error:  # noqa: BLE001 - as above
            self.failures.append(f"{trouble.name} did not end: {error!r}")


def _shuffled(troubles: Sequence[Trouble], chance: random.Random) -> Iterator[Trouble]:
    """Every trouble once, then every one again in another order, for ever."""
    while True:
        yield from chance.sample(troubles, k=len(troubles))
