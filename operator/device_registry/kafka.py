"""The event bus on Kafka: an idempotent producer that the relay drives. Nothing else speaks to Kafka here.

The producer library retries by itself for a bounded time. The relay hears of what is left after that, and the
producer is thrown away: a record that it still holds can then never arrive late, after its successors.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from time import monotonic
from typing import Any

import structlog
from kafka import KafkaProducer
from kafka.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RetriableError,
)

from .backoff import Holds
from .brokers import accepts_connections, close_at_once, unusable_topics
from .dispatch import Delivery
from .domain.errors import BrokerUnavailable
from .domain.events import Recorded
from .domain.model import Tenant
from .kafka_log import FailedAttempts
from .lookups import Lookups
from .topics import TOPIC_NAME, TopicSource

log = structlog.get_logger()
_library_log = logging.getLogger("kafka")

BLOCK_SECONDS = 4.0
"""How long the library may look for a broker or for one topic."""

LOOKUP_SECONDS = 2.0
"""How long a `send` waits for the names of new topics, and again until Kafka has made them, all at once."""

GRACE_SECONDS = 5.0
"""How long to wait beyond the delivery time-out for the producer to say that it has given up."""

MAX_RECORD_BYTES = 64 * 1024 * 1024
"""Above any sensible limit of a broker: the broker's `message.max.bytes` decides, which people can change."""

LARGE_BYTES = 256 * 1024
"""Records from here on travel alone: they may be too large for the broker, and the library fails everything
that is under way together with a refused record."""

LONGEST_HOLD_SECONDS = 30.0
"""How soon at the latest a tenant is tried again whose topic could not be used."""

POISON = (
    InvalidRecordError,
    InvalidTimestampError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnicodeError,
)
"""What concerns the record itself, so that sending it again can never help."""

Outcomes = dict[int, Exception | None]
"""By event id what went wrong, None if the record was acknowledged."""


class KafkaBus:
    """Sends events and waits for all replicas in sync to have them (port `EventBus`). For one thread.

    A tenant whose topic cannot be named or written is left alone for a growing pause; the others go on.
    """

    def __init__(
        self,
        bootstrap: Sequence[str],
        topics: TopicSource,
        delivery_seconds: float = 15.0,
        security: Mapping[str, Any] | None = None,
    ) -> None:
        """`security`: arguments for the library's clients, see `Settings.kafka_security`."""
        self._bootstrap = list(bootstrap)
        self._security = dict(security or {})
        self._attempts = FailedAttempts()
        self._topics = topics
        self._delivery_seconds = delivery_seconds
        self._producer: KafkaProducer | None = None
        self._closed = False
        self._holds = Holds[Tenant](LONGEST_HOLD_SECONDS)
        self._lookups = Lookups[Tenant]()
        self._flowing = set[Tenant]()
        # The library describes every attempt to reconnect; the relay says once that the broker is away.
        if _library_log.level == logging.NOTSET:
            _library_log.setLevel(logging.CRITICAL)

    def held(self) -> frozenset[Tenant]:
        return self._holds.active() | self._lookups.under_way

    def send(self, events: Sequence[Recorded]) -> Mapping[int, Delivery]:
        """Send events of different subjects, wait for the acknowledgements, answer by event id.

        Takes three times the delivery time-out at worst. Raises BrokerUnavailable when no broker answers.
        """
        deadline = monotonic() + self._delivery_seconds
        held = self.held()
        free = [recorded for recorded in events if recorded.event.tenant not in held]
        outcomes: Outcomes = {}
        for company in _companies(free):
            outcomes |= self._attempt_unless_late(company, deadline, None not in outcomes.values())
        self._note_tenants(free, outcomes)
        return {recorded.id: _delivery(outcomes.get(recorded.id, _NOT_TRIED)) for recorded in events}

    def ping(self) -> bool:
        """Whether a broker accepts connections; costs one connection, for readiness."""
        return any(accepts_connections(server) for server in self._bootstrap)

    def close(self) -> None:
        """Give up the producer and what was looked for. Nothing can be sent afterwards.

        May be called while another thread is still within `send`, which fails or tells what it has sent.
        """
        self._closed = True
        self._give_up_producer()
        self._lookups.close()

    def _give_up_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            self._lookups.forget()
            close_at_once(producer)
            self._flowing.clear()

    # --- one attempt ----------------------------------------------------------------------------------

    def _attempt_unless_late(self, events: Sequence[Recorded], deadline: float, hopeless: bool) -> Outcomes:  # noqa: FBT001
        """An outage is raised only while nothing has been sent: what was sent must be reported."""
        if monotonic() > deadline:
            return {}
        try:
            return self._attempt(events, deadline)
        except BrokerUnavailable:
            if hopeless:
                raise
            return {}

    def _attempt(self, events: Sequence[Recorded], deadline: float) -> Outcomes:
        """What became of the events. Absent ones were not tried."""
        attempts = self._enqueue(self._connected(), events)
        outcomes = self._await(attempts)
        self._begin_anew(attempts, outcomes)
        refused = [recorded for recorded in events if _is_refusal(outcomes.get(recorded.id))]
        if len(refused) > 1:
            outcomes |= self._attempt_halves(refused, deadline)
        return outcomes

    def _attempt_halves(self, refused: Sequence[Recorded], deadline: float) -> Outcomes:
        """Find the guilty: the library fails everything that is under way together with a refused record."""
        if monotonic() > deadline:
            return dict.fromkeys((recorded.id for recorded in refused), KafkaError("refused in company"))
        middle = len(refused) // 2
        return self._attempt(refused[:middle], deadline) | self._attempt(refused[middle:], deadline)

    def _begin_anew(self, attempts: Mapping[int, Any], outcomes: Outcomes) -> None:
        """Give the producer up if it may still hold failed records, or may be what does not work."""
        failed = [attempts[one] for one, error in outcomes.items() if isinstance(error, KafkaError)]
        nothing_worked = None not in outcomes.values()
        if not failed or not (nothing_worked or any(map(_is_under_way, failed))):
            return
        self._give_up_producer()
        if nothing_worked:
            # Tells an outage, which concerns everybody, from topics that cannot be used.
            self._connected()

    def _connected(self) -> KafkaProducer:
        if self._producer is None and not self._closed:
            self._producer = self._begun()
        producer = self._producer
        if self._closed or producer is None:
            # Asked last: whoever closes may have come while we connected.
            self._give_up_producer()
            raise BrokerUnavailable("nothing is sent any more")
        return producer

    def _begun(self) -> KafkaProducer:
        # Asked first, since a producer that finds no broker retries, logs, and leaves its sockets behind.
        if not self.ping():
            raise BrokerUnavailable(f"no broker of {self._bootstrap} accepts a connection")
        self._attempts.listen()
        try:
            return KafkaProducer(**self._configuration())
        except (KafkaError, OSError) as error:
            reason = self._attempts.reason
            raise BrokerUnavailable(f"no broker of {self._bootstrap} lets us in: {reason}") from error

    def _configuration(self) -> dict[str, Any]:
        milliseconds = round(self._delivery_seconds * 1000)
        return {
            "bootstrap_servers": self._bootstrap,
            "client_id": "device-manager",
            "acks": "all",
            "enable_idempotence": True,
            "delivery_timeout_ms": milliseconds,
            "request_timeout_ms": milliseconds * 2 // 3,
            "bootstrap_timeout_ms": round(BLOCK_SECONDS * 1000),
            "max_block_ms": round(BLOCK_SECONDS * 1000),
            "reconnect_backoff_max_ms": 1000,
            "max_request_size": MAX_RECORD_BYTES,
            "metrics_enabled": False,
            **self._security,
        }

    def _enqueue(self, producer: KafkaProducer, events: Sequence[Recorded]) -> dict[int, Any]:
        """By event id the library's future, or the error that came at once. Absent events were not tried."""
        refused = self._look_for_topics(producer, {recorded.event.tenant for recorded in events})
        attempts: dict[int, Any] = {}
        for recorded in events:
            tenant = recorded.event.tenant
            if tenant in refused:
                attempts[recorded.id] = refused[tenant]
            elif tenant in self._flowing:
                attempts[recorded.id] = self._hand_over(producer, recorded)
        return attempts

    def _look_for_topics(
        self, producer: KafkaProducer, tenants: Collection[Tenant]
    ) -> Mapping[Tenant, Exception]:
        """Find the topics of tenants that are new to this producer; answers those that cannot be used."""
        new = set(tenants) - self._flowing
        if not new:
            return {}
        named = self._lookups.ask(new, self._topic, LOOKUP_SECONDS)
        topics = {tenant: self._topic(tenant) for tenant, error in named.items() if error is None}
        unusable = unusable_topics(producer, set(topics.values()), LOOKUP_SECONDS)
        self._flowing |= {tenant for tenant, topic in topics.items() if topic not in unusable}
        errors = {
            tenant: unusable.get(topics[tenant]) if tenant in topics else named[tenant] for tenant in named
        }
        return {tenant: error for tenant, error in errors.items() if error is not None}

    def _hand_over(self, producer: KafkaProducer, recorded: Recorded) -> Any:
        try:
            return producer.send(
                self._topic(recorded.event.tenant),
                value=recorded.event.payload.encode(),
                key=recorded.key.encode(),
                headers=recorded.headers,
            )
        except (KafkaError, BrokerUnavailable, ValueError) as error:
            return error

    def _topic(self, tenant: Tenant) -> str:
        topic = self._topics.topic(tenant)
        if not TOPIC_NAME.fullmatch(topic):
            raise InvalidTopicError(f"{topic!r} cannot be the name of a topic")
        return topic

    def _await(self, attempts: Mapping[int, Any]) -> Outcomes:
        deadline = monotonic() + self._delivery_seconds + GRACE_SECONDS
        return {event_id: _outcome(attempt, deadline) for event_id, attempt in attempts.items()}

    # --- what it means --------------------------------------------------------------------------------

    def _note_tenants(self, events: Sequence[Recorded], outcomes: Outcomes) -> None:
        tried = [(e.event.tenant, outcomes[e.id]) for e in events if e.id in outcomes]
        failed = {tenant: error for tenant, error in tried if error and not isinstance(error, POISON)}
        for tenant, error in failed.items():
            self._flowing.discard(tenant)
            if self._holds.fail(tenant):
                log.warning("the events of a tenant wait", tenant=tenant, error=str(error))
        for tenant in {tenant for tenant, error in tried if error is None} - failed.keys():
            if self._holds.succeed(tenant):
                log.info("the events of a tenant flow again", tenant=tenant)


def _companies(events: Sequence[Recorded]) -> list[list[Recorded]]:
    """Ordinary records together, then the large ones, each alone."""
    ordinary = [recorded for recorded in events if len(recorded.event.payload) < LARGE_BYTES]
    large = [[recorded] for recorded in events if len(recorded.event.payload) >= LARGE_BYTES]
    return [ordinary, *large] if ordinary else large


_NOT_TRIED = BrokerUnavailable("not tried: the topic of the tenant is not known to be usable")


def _is_under_way(attempt: Any) -> bool:
    """Whether the library took the record; else it is the error that it was not taken for."""
    return not isinstance(attempt, Exception)


def _is_refusal(error: Exception | None) -> bool:
    """Whether it is an answer, which another attempt in the same company would not change."""
    return isinstance(error, KafkaError) and not isinstance(error, RetriableError)


def _outcome(attempt: Any, deadline: float) -> Exception | None:
    if isinstance(attempt, Exception):
        return attempt
    outcome: Exception | None = None
    try:
        attempt.get(timeout=max(0.0, deadline - monotonic()))
    except KafkaError as error:
        outcome = error
    return outcome


def _delivery(error: Exception | None) -> Delivery:
    if error is None:
        return Delivery(sent=True)
    return Delivery(sent=False, poison=isinstance(error, POISON), error=f"{type(error).__name__}: {error}")
