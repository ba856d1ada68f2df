"""The work of a monitor, round after round: find topics, share them, read, let the silent go, tell.

`program` runs it in a thread. It outlives every error: what is away is waited for, and afterwards everything
begins from what Redis knows.
"""

import time
from contextlib import suppress
from threading import Event as Flag

import structlog

from device_registry.backoff import Backoff
from device_registry.domain.errors import PresenceUnavailable, Unavailable
from device_registry.domain.reasons import Reason
from device_registry.presence import PresenceStore

from . import metrics
from .dependencies import Dependencies
from .directory import Directory, Topic
from .reader import Reader
from .stream import DeviceData
from .telling import Telling

log = structlog.get_logger()

THERE_SECONDS = 8.0
"""How long a monitor counts as there without saying so. Twice what a hung call to Kafka may take."""
LOOK_SECONDS = 5.0
"""How soon a new tenant's topic is found."""
SWEEP_SECONDS = 1.0
"""How late a silence may be noticed, in ordinary times."""
LONGEST_PAUSE = 4.0
"""Seconds between two attempts while something is away."""


class Monitor:
    """One monitor of any number."""

    def __init__(
        self,
        store: PresenceStore,
        data: DeviceData,
        directory: Directory,
        parts: tuple[Reader, Telling],
        dependencies: Dependencies,
    ) -> None:
        self._store = store
        self._data = data
        self._directory = directory
        self._reader, self._telling = parts
        self._dependencies = dependencies
        self._backoff = Backoff(longest=LONGEST_PAUSE)
        self._topics: dict[str, Topic] = {}
        self._next_look = self._next_sweep = time.monotonic()
        self.last_round = time.monotonic()
        """When a round ended last, well or not."""
        self.reading = False
        """Whether the last round went well."""

    def run(self, stop: Flag) -> None:
        """Work until the flag is set; ends within a few seconds, and takes leave."""
        while not stop.is_set():
            stop.wait(self.step())
        self._take_leave()

    def step(self) -> float:
        """One round; answers for how many seconds to pause. Never raises."""
        try:
            with metrics.ROUND_SECONDS.time():
                self._round()
        except Unavailable as error:
            self._dependencies.is_away(error)
            self._failed(error.reason.value)
        except Exception:
            log.exception("the monitor stumbled and will try again")
            self._failed("Unexpected")
            self._data.close()
        else:
            self.reading = True
            self._backoff.reset()
        self.last_round = time.monotonic()
        return 0.0 if self.reading else self._backoff.next()

    def _round(self) -> None:
        if time.monotonic() >= self._next_look:
            self._topics = self._directory.topics(self._data.topics())
            self._next_look = time.monotonic() + LOOK_SECONDS
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + SWEEP_SECONDS
            self._attend()
        self._reader.read()
        self._reader.waiting = self._telling.tell(self._reader.waiting, self._topics)

    def _attend(self) -> None:
        """Agree with the other monitors who reads what, and let the silent go."""
        seen = self._store.here(THERE_SECONDS)
        metrics.MONITORS.set(len(seen.names))
        self._reader.take_share(self._topics, seen.names, seen.now)
        read_up_to = self._reader.sweep(seen.now)
        if self._directory.known:
            self._store.share_read(read_up_to)
        self._dependencies.is_back(Reason.BROKER_UNAVAILABLE, Reason.PRESENCE_UNAVAILABLE)

    def _failed(self, reason: str) -> None:
        """Leave the work to the others, and begin anew once everything answers."""
        metrics.FAILURES.labels(reason).inc()
        self.reading = False
        self._reader.start_anew()
        self._next_look = self._next_sweep = time.monotonic()
        self._take_leave()

    def _take_leave(self) -> None:
        with suppress(PresenceUnavailable):
            self._store.leave()
