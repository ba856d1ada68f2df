"""Reads a tenant's topic as any consumer of dojot would: for `events`, and for `drift --topics`.

It belongs to no consumer group and commits nothing, so that nobody else gets a record less.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from device_registry import wiring
from device_registry.domain.errors import BrokerUnavailable
from device_registry.domain.model import Tenant
from device_registry.settings import Settings

_BOOTSTRAP_MS: Final = 5_000
"""A broker that has not answered until then is away."""
_POLL_MS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One record of a topic."""

    topic: str
    partition: int
    offset: int
    time: datetime
    key: str
    headers: Mapping[str, str]
    value: Any
    """The notification; a text when the record is no JSON."""

    @property
    def event(self) -> str:
        """create, update, remove, configure, template.update; empty for what is no notification."""
        return str(self.value.get("event", "")) if isinstance(self.value, dict) else ""

    @property
    def data(self) -> Mapping[str, Any]:
        """What the event is about: mostly a whole device."""
        data = self.value.get("data") if isinstance(self.value, dict) else None
        return data if isinstance(data, dict) else {}

    @property
    def device(self) -> str:
        """The device that it is about; empty for template.update."""
        return str(self.data.get("id", ""))

    def as_data(self) -> dict[str, Any]:
        """Everything, for programs."""
        return {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "time": self.time.isoformat(timespec="milliseconds"),
            "key": self.key,
            "headers": dict(self.headers),
            "value": self.value,
        }


class TopicReader:
    """The records of one topic, `topic`. Every method may raise BrokerUnavailable."""

    def __init__(self, consumer: KafkaConsumer, topic: str) -> None:
        self.topic = topic
        self._consumer = consumer
        self._parts: list[TopicPartition] = []

    def start(self, *, from_beginning: bool) -> bool:
        """Go to the beginning or to the end; answers whether the topic is there."""
        with _errors_converted():
            numbers = self._consumer.partitions_for_topic(self.topic) or ()
            self._parts = [TopicPartition(self.topic, number) for number in sorted(numbers)]
            self._consumer.assign(self._parts)
            if self._parts:
                go = self._consumer.seek_to_beginning if from_beginning else self._consumer.seek_to_end
                go(*self._parts)
        return bool(self._parts)

    def until_now(self) -> Iterator[Notification]:
        """The records up to the end that the topic has now."""
        with _errors_converted():
            ends = self._consumer.end_offsets(self._parts) if self._parts else {}
            while any(self._consumer.position(part) < end for part, end in ends.items()):
                yield from self.some()

    def some(self) -> list[Notification]:
        """The next records, by time; none when there are none within half a second."""
        with _errors_converted():
            polled = self._consumer.poll(timeout_ms=_POLL_MS)
        found = [notification(record) for records in polled.values() for record in records]
        return sorted(found, key=lambda one: one.time)


@contextmanager
def reading(settings: Settings, tenant: Tenant) -> Iterator[TopicReader]:
    """A reader of a tenant's topic, which need not exist yet. Raises BrokerUnavailable."""
    topic = wiring.topics(settings, settings.SUBJECT).topic(tenant)
    with _errors_converted():
        consumer = KafkaConsumer(
            bootstrap_servers=settings.kafka_bootstrap,
            client_id="device-manager-cli",
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=_BOOTSTRAP_MS,
            metrics_enabled=False,
            **settings.kafka_security,
        )
    try:
        yield TopicReader(consumer, topic)
    finally:
        consumer.close()


def notification(record: Any) -> Notification:
    """A record of the library as a value."""
    return Notification(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        time=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        key=_text(record.key),
        headers={name: _text(value) for name, value in record.headers},
        value=_value(record.value),
    )


def _value(raw: bytes | None) -> Any:
    text = _text(raw)
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")


@contextmanager
def _errors_converted() -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(f"Kafka does not answer: {error}") from error
