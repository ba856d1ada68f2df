"""Reads the topics of the storm's tenants, straight from the broker, however often that goes away."""

import gc
import logging
import threading
from collections.abc import Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from tests.support.topic import SUBJECT

from .streams import Arrived, Streams

POLL_MS = 200


class Listener:
    """A thread that feeds `streams` with every record of the tenants' topics from the first one on."""

    def __init__(self, bootstrap: str, tenants: Sequence[str], streams: Streams) -> None:
        self._bootstrap = bootstrap
        self._tenants = {f"{tenant}.{SUBJECT}": tenant for tenant in tenants}
        self._streams = streams
        self._offsets: dict[TopicPartition, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        # The library describes every attempt to reconnect.
        logging.getLogger("kafka").setLevel(logging.CRITICAL)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Stop reading."""
        self._stop.set()
        self._thread.join(30)
        # The library leaves the sockets of failed connections behind; Python complains when it finds them.
        gc.collect()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._read()
            except (KafkaError, OSError):
                self._stop.wait(0.5)

    def _read(self) -> None:
        """Read until something goes wrong; what was heard is not heard again by the next call."""
        consumer = KafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            reconnect_backoff_max_ms=500,
            metadata_max_age_ms=2_000,
        )
        try:
            while not self._stop.is_set():
                self._assign_new(consumer)
                for part, batch in consumer.poll(timeout_ms=POLL_MS).items():
                    for raw in batch:
                        self._hear(part, raw)
        finally:
            consumer.close()

    def _assign_new(self, consumer: KafkaConsumer) -> None:
        """Topics are made by their first event."""
        assigned = consumer.assignment()
        if len({part.topic for part in assigned}) == len(self._tenants):
            return
        parts = [
            TopicPartition(topic, number)
            for topic in self._tenants
            for number in consumer.partitions_for_topic(topic) or ()
        ]
        if set(parts) == assigned:
            self._stop.wait(POLL_MS / 1000)
            return
        consumer.assign(parts)
        for part in parts:
            consumer.seek(part, self._offsets.get(part, 0))

    def _hear(self, part: TopicPartition, raw: Any) -> None:
        headers = {name: text.decode() for name, text in raw.headers}
        self._streams.hear(Arrived(self._tenants[part.topic], part.partition, headers, raw.value))
        self._offsets[part] = raw.offset + 1
