"""Outbox to Kafka: every event at least once, in the order of its subject.

The operator that leads runs `Relay.run` in a thread of its own. A subject never has two events in flight:
events go out in rounds, the first of every subject, then the second of every subject, and so on. What fails
holds back its subject only; a tenant whose topic cannot be used is passed by until the bus tries it again.
What was sent twice carries the same `ce_id`.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Event as Flag

import structlog

from . import metrics
from .backoff import Backoff
from .dispatch import Audience, Delivery, EventBus, Outbox
from .domain.errors import Contended, Fenced, Unavailable
from .domain.events import Recorded
from .domain.reasons import Reason
from .faultpoints import Point, reached

log = structlog.get_logger()

BATCH = 500
"""Events to look at in one step: a second or two of work."""

IDLE_SECONDS = 1.0
"""How long to wait for a wake-up; a lost one costs no more than this."""

GAUGE_INTERVAL = timedelta(seconds=5)
PRUNE_INTERVAL = timedelta(minutes=1)
PRUNE_PORTION = 1_000
"""Rows to delete in one step, so that sending is never held up for long."""


class Relay:
    """Sends what the outbox holds. The audience hears what became of an event once that is noted."""

    def __init__(
        self,
        outbox: Outbox,
        bus: EventBus,
        clock: Callable[[], datetime],
        audience: Audience,
        retention: timedelta,
    ) -> None:
        self._outbox = outbox
        self._bus = bus
        self._clock = clock
        self._audience = audience
        self._retention = retention
        self._backoff = Backoff()
        self._pause = 0.0
        self._away: set[Reason] = set()
        self._more = False
        self._fenced = False
        self._unmarked: list[Recorded] = []
        self._next_gauge = self._next_prune = clock()
        metrics.BROKER_AVAILABLE.set(1)

    @property
    def available(self) -> bool:
        """Whether the broker answered when it was last needed."""
        return Reason.BROKER_UNAVAILABLE not in self._away

    @property
    def fenced(self) -> bool:
        """Whether another operator leads: then nothing is sent any more."""
        return self._fenced

    def run(self, stop: Flag) -> None:
        """Send until the flag is set or another operator leads.

        Outlives every error; ends within a second or the current round.
        """
        while not (stop.is_set() or self._fenced):
            settled = self.step()
            if not (settled or self._more or self._pause):
                self._guarded(self._idle)
            stop.wait(self._pause)

    def step(self) -> int:
        """Send what can be sent of the oldest events; answers how many are done with. Never raises."""
        self._pause = 0.0
        settled = self._guarded(self._forward)
        self._guarded(self._keep_house)
        if not self._pause:
            self._backoff.reset()
        return settled

    # --- sending --------------------------------------------------------------------------------------

    def _forward(self) -> int:
        self._mark_sent([])
        held = self._bus.held()
        events = self._outbox.unsent(BATCH, held)
        self._is_back(Reason.REGISTRY_UNAVAILABLE)
        settled = self._send_in_rounds(events)
        # Tenants that are held since then are passed by now, which may show others behind them.
        self._more = bool(events) and not self._bus.held() <= held
        return settled

    def _send_in_rounds(self, events: Sequence[Recorded]) -> int:
        settled = 0
        streams = _streams(events)
        while streams:
            done = self._send([stream[0] for stream in streams.values()])
            settled += len(done)
            streams = _advanced(streams, done)
        return settled

    def _send(self, events: Sequence[Recorded]) -> set[int]:
        """One round; answers the ids of the events that are done with, sent or put aside."""
        with metrics.SEND_SECONDS.time():
            reached(Point.BEFORE_SEND)
            deliveries = self._bus.send(events)
            reached(Point.AFTER_SEND)
        sent = [recorded for recorded in events if deliveries[recorded.id].sent]
        poison = [recorded for recorded in events if deliveries[recorded.id].poison]
        if sent or poison:
            self._is_back(Reason.BROKER_UNAVAILABLE)
        self._mark_sent(sent)
        self._put_aside(poison, deliveries)
        metrics.SEND_FAILURES.labels(Reason.PENDING.value).inc(len(events) - len(sent) - len(poison))
        return {recorded.id for recorded in [*sent, *poison]}

    def _mark_sent(self, sent: Sequence[Recorded]) -> None:
        # What could not be marked while the registry was away is remembered, and so not sent again.
        self._unmarked.extend(sent)
        if not self._unmarked:
            return
        reached(Point.BEFORE_MARK)
        self._outbox.mark_sent([recorded.id for recorded in self._unmarked], self._clock())
        reached(Point.AFTER_MARK)
        marked, self._unmarked = self._unmarked, []
        now = self._clock()
        for recorded in marked:
            metrics.EVENTS_SENT.labels(recorded.event.type.value).inc()
            metrics.EVENT_LAG.observe(max(0.0, (now - recorded.event.created).total_seconds()))
        self._audience.on_sent(marked)

    def _put_aside(self, poison: Sequence[Recorded], deliveries: Mapping[int, Delivery]) -> None:
        for recorded in poison:
            error = deliveries[recorded.id].error
            self._outbox.quarantine(recorded.id, error, self._clock())
            metrics.EVENTS_QUARANTINED.inc()
            metrics.SEND_FAILURES.labels("Poison").inc()
            log.error("event quarantined", key=recorded.key, sequence=recorded.sequence, error=error)
        if poison:
            self._audience.on_quarantined(poison)

    # --- trouble --------------------------------------------------------------------------------------

    def _guarded(self, work: Callable[[], int]) -> int:
        try:
            return work()
        except Unavailable as error:
            self._is_away(error)
        except Fenced:
            self._fenced = True
        except Contended as error:
            log.info("the relay gave way and will try again", error=error.message)
            self._failed("Contended")
        except Exception:
            log.exception("the relay stumbled and will try again")
            self._failed("Unexpected")
        return 0

    def _is_away(self, error: Unavailable) -> None:
        if error.reason not in self._away:
            self._away.add(error.reason)
            log.warning("the relay waits", reason=error.reason.value, error=error.message)
        metrics.BROKER_AVAILABLE.set(self.available)
        self._failed(error.reason.value)

    def _is_back(self, reason: Reason) -> None:
        if reason in self._away:
            self._away.remove(reason)
            log.info("the relay goes on", reason=reason.value)
        metrics.BROKER_AVAILABLE.set(self.available)

    def _failed(self, reason: str) -> None:
        metrics.SEND_FAILURES.labels(reason).inc()
        self._more = False
        self._pause = self._backoff.next()

    # --- between the rounds ---------------------------------------------------------------------------

    def _idle(self) -> int:
        self._outbox.wait(IDLE_SECONDS)
        return 0

    def _keep_house(self) -> int:
        now = self._clock()
        if now >= self._next_gauge:
            self._next_gauge = now + GAUGE_INTERVAL
            self._readmit()
            self._measure()
        if now >= self._next_prune:
            self._next_prune = now + PRUNE_INTERVAL
            self._prune(now)
        return 0

    def _readmit(self) -> None:
        if self._unmarked:
            # What was sent and is not marked yet would seem not to have overtaken anything.
            return
        if count := self._outbox.readmit():
            metrics.EVENTS_READMITTED.inc(count)
            log.info("events of the quarantine are sent again", events=count)

    def _measure(self) -> None:
        depth = self._outbox.depth()
        metrics.OUTBOX_DEPTH.set(depth.waiting)
        metrics.OUTBOX_OLDEST_AGE.set(depth.oldest)
        metrics.OUTBOX_QUARANTINED.set(depth.quarantined)

    def _prune(self, now: datetime) -> None:
        if self._outbox.prune(now - self._retention, PRUNE_PORTION) == PRUNE_PORTION:
            self._next_prune = now


Streams = dict[str, deque[Recorded]]
"""What is still to be sent of each subject, in order; never an empty one."""


def _streams(events: Sequence[Recorded]) -> Streams:
    streams: Streams = {}
    for recorded in events:
        streams.setdefault(recorded.key, deque()).append(recorded)
    return streams


def _advanced(streams: Streams, done: set[int]) -> Streams:
    """What is left of the streams; those whose first event failed rest until the next step."""
    moving = {key: stream for key, stream in streams.items() if stream.popleft().id in done}
    return {key: stream for key, stream in moving.items() if stream}
