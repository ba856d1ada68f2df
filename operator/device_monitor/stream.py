"""Device data as they come from Kafka: positions are said from outside, since Redis knows them.

No consumer group: who reads what is agreed upon in Redis, and what is read twice is recognised there. For one
thread; every method takes seconds at the worst and raises BrokerUnavailable when Kafka does not answer.
"""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError, OffsetOutOfRangeError

from device_registry.domain.errors import BrokerUnavailable
from device_registry.kafka_log import FailedAttempts

Partition = TopicPartition
Records = Mapping[TopicPartition, Sequence[Any]]
"""The library's records by partition, in order."""

ANSWER_MS = 3_000
"""How long Kafka may take for an answer."""
POLL_MS = 250
"""How long to wait for records."""
ROUND_RECORDS = 2_000
"""Records to take in at once: a tenth of a second of work."""

_library_log = logging.getLogger("kafka")


class OutOfRange(Exception):
    """Kafka does not have what is at the position of these partitions: it is too old, or the topic is new."""

    def __init__(self, partitions: Collection[TopicPartition]) -> None:
        super().__init__(f"no such offset in {', '.join(map(str, partitions))}")
        self.partitions = partitions


class DeviceData:
    """The topics of device data."""

    def __init__(self, bootstrap: Sequence[str], security: Mapping[str, Any]) -> None:
        """`security`: arguments for the library's clients, see `Settings.kafka_security`."""
        self._bootstrap = list(bootstrap)
        self._security = dict(security)
        self._consumer: KafkaConsumer | None = None
        self._failed = FailedAttempts()
        # The library describes every attempt to reconnect; the monitor says once that the broker is away.
        if _library_log.level == logging.NOTSET:
            _library_log.setLevel(logging.CRITICAL)

    def topics(self) -> Mapping[str, int]:
        """Every topic there is, and its number of partitions."""
        with self._asking() as consumer:
            found = {topic: consumer.partitions_for_topic(topic) for topic in consumer.topics()}
        return {topic: max(partitions) + 1 for topic, partitions in found.items() if partitions}

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read these partitions and no others, from these positions on."""
        with self._asking() as consumer:
            consumer.assign(list(positions))
            for partition, offset in positions.items():
                consumer.seek(partition, offset)

    def poll(self) -> Records:
        """What has come. Raises OutOfRange as well; then nothing of it counts as read."""
        with self._asking() as consumer:
            if not consumer.assignment():
                return {}
            try:
                records: Records = consumer.poll(POLL_MS)
            except OffsetOutOfRangeError as error:
                raise OutOfRange(list(error.args[0])) from error
        return records

    def positions(self) -> Mapping[TopicPartition, int]:
        """Where reading has got to, by partition that is read."""
        with self._asking() as consumer:
            return {one: consumer.position(one, timeout_ms=ANSWER_MS) for one in consumer.assignment()}

    def ends(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Where the partitions end now."""
        if not partitions:
            return {}
        with self._asking() as consumer:
            found: Mapping[TopicPartition, int] = consumer.end_offsets(list(partitions), timeout_ms=ANSWER_MS)
        return found

    def offsets_at(self, times: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int | None]:
        """The first record of each partition not older than a time (milliseconds); None without one."""
        if not times:
            return {}
        with self._asking() as consumer:
            found = consumer.offsets_for_times(dict(times), timeout_ms=ANSWER_MS)
        return {partition: at.offset if at else None for partition, at in found.items()}

    def close(self) -> None:
        """Give up the connection; the next call begins with a new one, without partitions."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            consumer.close(autocommit=False, timeout_ms=1_000)

    @contextmanager
    def _asking(self) -> Iterator[KafkaConsumer]:
        try:
            if self._consumer is None:
                self._consumer = self._connected()
            yield self._consumer
        except (KafkaError, OSError) as error:
            raise BrokerUnavailable(f"Kafka at {self._bootstrap} does not answer: {error}") from error

    def _connected(self) -> KafkaConsumer:
        self._failed.listen()
        try:
            return KafkaConsumer(**self._configuration())
        except KafkaTimeoutError as error:
            raise BrokerUnavailable(
                f"Kafka at {self._bootstrap} cannot be used: {self._failed.reason}"
            ) from error

    def _configuration(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self._bootstrap,
            "client_id": "device-manager-monitor",
            "group_id": None,
            "enable_auto_commit": False,
            "auto_offset_reset": "none",
            "allow_auto_create_topics": False,
            "request_timeout_ms": ANSWER_MS,
            "bootstrap_timeout_ms": ANSWER_MS,
            "fetch_max_wait_ms": POLL_MS,
            "max_poll_records": ROUND_RECORDS,
            "reconnect_backoff_max_ms": 1000,
            "metrics_enabled": False,
            **self._security,
        }
