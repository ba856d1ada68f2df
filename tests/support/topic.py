"""Reads a tenant's topic from its beginning, as any consumer of dojot would."""

import json
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition

SUBJECT = "dojot.device-manager.device"


@dataclass(frozen=True)
class Record:
    """One notification as it came."""

    key: str
    headers: dict[str, str]
    value: dict[str, Any]

    @property
    def event(self) -> str:
        """create, update, remove, configure or template.update."""
        return str(self.value["event"])

    @property
    def id(self) -> str:
        """The device that it is about; empty for template.update."""
        return str(self.value["data"].get("id", ""))

    @property
    def sequence(self) -> int:
        """Its number in the stream of its subject."""
        return int(self.headers["dojot_sequence"])


class Topic:
    """The notifications of one tenant."""

    def __init__(self, bootstrap: str, tenant: str) -> None:
        self.name = f"{tenant}.{SUBJECT}"
        self._bootstrap = bootstrap

    def records(self) -> list[Record]:
        """Everything that is in the topic now."""
        consumer = KafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)
        try:
            parts = [
                TopicPartition(self.name, number) for number in consumer.partitions_for_topic(self.name) or ()
            ]
            if not parts:
                return []
            consumer.assign(parts)
            consumer.seek_to_beginning(*parts)
            return _read(consumer, consumer.end_offsets(parts))
        finally:
            consumer.close()

    def of(self, device_id: str) -> list[Record]:
        """The notifications about one device, in order."""
        return [record for record in self.records() if record.id == device_id]


class Tail:
    """Follows the topics of any number of tenants: each call answers what has come since the one before."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
        self._positions: dict[TopicPartition, int] = {}

    def news(self, tenant: str) -> list[Record]:
        """The notifications of a tenant that were not answered yet; a topic that is not there has none."""
        name = f"{tenant}.{SUBJECT}"
        parts = [TopicPartition(name, one) for one in self._consumer.partitions_for_topic(name) or ()]
        if not parts:
            return []
        self._consumer.assign(parts)
        for part in parts:
            self._consumer.seek(part, self._positions.get(part, 0))
        found = _read(self._consumer, self._consumer.end_offsets(parts))
        self._positions |= {part: self._consumer.position(part) for part in parts}
        return found

    def close(self) -> None:
        """Release the connections."""
        self._consumer.close()


def _read(consumer: KafkaConsumer, ends: dict[TopicPartition, int]) -> list[Record]:
    records: list[Record] = []
    while any(consumer.position(part) < end for part, end in ends.items()):
        for batch in consumer.poll(timeout_ms=500).values():
            records += [_record(one) for one in batch]
    return records


def _record(raw: Any) -> Record:
    headers = {name: text.decode() for name, text in raw.headers}
    return Record(key=raw.key.decode(), headers=headers, value=json.loads(raw.value))
