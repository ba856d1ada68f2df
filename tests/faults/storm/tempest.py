"""A whole storm: populate, make trouble while everybody writes, let it calm down, and see what is left."""

import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from .stage import Stage
from .troubles import lanes
from .weather import Weather

CONVERGENCE_SECONDS = 60.0
"""After the last fault everything must agree within this; so the project promises."""
LOOK_SECONDS = 0.5


@dataclass
class Outcome:
    """What a storm has shown.

    Attributes:
        counts: how often each kind of trouble happened.
        seconds: from the last fault until everything agreed; None if it never did.
        differences: what did not agree in the end.
        wrong: what the suite itself or the programs did that nobody asked for.
        memory: the most that an operator held, in MiB.
    """

    counts: dict[str, int] = field(default_factory=dict)
    seconds: float | None = None
    differences: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    memory: float = 0.0

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return self.seconds is not None and not self.wrong


class Tempest:
    """One storm on a stage that was entered.

    Attributes:
        phase: what goes on, for people.
        weather: the faults, once they have begun.
        outcome: filled as it goes.
    """

    def __init__(self, stage: Stage, seconds: float, times: float, only: Collection[str] = ()) -> None:
        """Last for so many seconds, each kind of trouble happening so many times; `only` names lanes."""
        self.stage = stage
        self.phase = "populating"
        self.outcome = Outcome()
        self._seconds = seconds
        chance = random.Random(f"{stage.seed}/points")
        every_lane = lanes(stage.detours, stage.platform.parts, stage.operators, stage.facade, chance)
        kinds = {name: lane for name, lane in every_lane.items() if not only or name in only}
        self._least = max(1, int(times) - 1)
        every = {name: seconds / (times * len(lane)) for name, lane in kinds.items()}
        self.weather = Weather(kinds, stage.seed, every)

    def run(self, draw: Callable[[], object] = lambda: None) -> Outcome:
        """Do it all; `draw` is called twice a second."""
        self._while(self.stage.write, draw)
        self.phase = "settling before the storm"
        self.converge(draw)
        self.phase = "storm"
        self.weather.start()
        self._endure(draw)
        self.phase = "calming down"
        self._while(self._calm, draw)
        self.phase = "converging"
        self.outcome.seconds = self.converge(draw)
        self._note()
        return self.outcome

    def converge(self, draw: Callable[[], object] = lambda: None) -> float | None:
        """Wait until everything agrees; answers the seconds, None when it does not in time."""
        began = time.monotonic()
        while True:
            self.outcome.differences = found = self.stage.differences()
            draw()
            seconds = time.monotonic() - began
            if not found:
                return seconds
            if seconds > CONVERGENCE_SECONDS:
                return None
            time.sleep(LOOK_SECONDS)

    def _calm(self) -> None:
        """The writers stop first, as what they ask for may not take longer than the last fault."""
        self.weather.stop()
        self.stage.detours.heal()
        self.stage.calm()

    def _endure(self, draw: Callable[[], object]) -> None:
        """Until the time is over; a slow machine gets as much again for what has been too rare."""
        began = time.monotonic()
        while self._lasts(time.monotonic() - began):
            draw()
            for operator in self.stage.operators:
                self.outcome.memory = max(self.outcome.memory, operator.memory())
            time.sleep(LOOK_SECONDS)

    def _lasts(self, elapsed: float) -> bool:
        if elapsed < self._seconds:
            return True
        return elapsed < 2 * self._seconds and min(self.weather.counts.values()) < self._least

    def _while(self, work: Callable[[], object], draw: Callable[[], object]) -> None:
        """Do it in a thread, and draw meanwhile."""
        errors: list[BaseException] = []

        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - raised below, in the thread that asked
                errors.append(error)

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        while thread.is_alive():
            draw()
            thread.join(LOOK_SECONDS)
        if errors:
            raise errors[0]

    def _note(self) -> None:
        self.outcome.counts = dict(self.weather.counts)
        programs = (*self.stage.operators, self.stage.facade)
        self.outcome.wrong = [
            *self.weather.failures,
            *(f"{one.name} ended by itself with {code}" for one in programs for code in one.unplanned),
        ]
