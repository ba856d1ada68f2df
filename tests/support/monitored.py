"""What a monitor works on: devices in a registry, their data in Kafka, and the notices that come of them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from sqlalchemy import URL, create_engine, text

from device_registry.presence import PresenceStatus

from .presence import Heard, Transition

DEVICE = """INSERT INTO device (tenant, id, label, spec, document, hash, terms, revision, created, generation)
    VALUES (:tenant, :id, :id, '{}', '{}', '', '{}', 1, now(), 1)"""
TEMPLATE = """INSERT INTO template (tenant, id, label, revision, created, generation)
    VALUES (:tenant, :id, 'a template', 1, now(), 1)"""
ATTRIBUTE = """INSERT INTO template_attribute
    (tenant, id, template_id, position, label, type, value_type, static_value, created)
    VALUES (:tenant, :id, :template, :position, :label, :type, 'integer', :value, now())"""
USES = """INSERT INTO device_template (tenant, device_id, template_id, position, revision, tried_revision)
    VALUES (:tenant, :device, :template, :position, 1, 1)"""


class Fleet:
    """Rows of one tenant, as far as a monitor looks at them."""

    def __init__(self, url: URL, tenant: str) -> None:
        self.tenant = tenant
        self._engine = create_engine(url)
        self._run("INSERT INTO tenant (name) VALUES (:tenant)", {})
        self._attributes = 0

    def template(self, number: int, *attributes: tuple[str, str, str]) -> None:
        """A template with attributes: label, type, static value."""
        self._run(TEMPLATE, {"id": number})
        for position, (label, kind, value) in enumerate(attributes):
            self._attributes += 1
            one = {"id": self._attributes, "template": number, "position": position}
            self._run(ATTRIBUTE, {**one, "label": label, "type": kind, "value": value})

    def devices(self, ids: Iterable[str], *templates: int) -> None:
        """Devices, each with these templates."""
        chosen = list(ids)
        self._run(DEVICE, *({"id": one} for one in chosen))
        for position, template in enumerate(templates):
            self._run(USES, *({"device": one, "template": template, "position": position} for one in chosen))

    def forget(self, device: str) -> None:
        """Remove a device."""
        self._run("DELETE FROM device WHERE tenant = :tenant AND id = :id", {"id": device})

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    def _run(self, statement: str, *parameters: Mapping[str, Any]) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(statement), [{"tenant": self.tenant, **one} for one in parameters])


@dataclass(frozen=True, slots=True)
class Told:
    """A notice as a consumer sees it."""

    device: str
    status: PresenceStatus
    due: int
    """When the device came or went, milliseconds."""
    written: int
    """When the notice stood in Kafka."""


class DeviceTopic:
    """The device data of one tenant. The broker stamps its records, so that nobody's clock is in question."""

    def __init__(self, bootstrap: str, tenant: str, partitions: int = 3) -> None:
        self.tenant = tenant
        self.name = f"{tenant}.device-data"
        self._bootstrap = bootstrap
        self._partitions = partitions
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)

    def create(self) -> None:
        """Make the topic."""
        admin = KafkaAdminClient(bootstrap_servers=self._bootstrap)
        stamped = {"message.timestamp.type": "LogAppendTime"}
        admin.create_topics([NewTopic(self.name, self._partitions, 1, topic_configs=stamped)])
        admin.close()

    def send(self, device: str, exp: float | None = None, **metadata: Any) -> Any:
        """Data of a device, in its partition."""
        content = {"deviceid": device, "tenant": self.tenant, **metadata}
        content |= {} if exp is None else {"exp": exp}
        return self.send_raw(json.dumps({"metadata": content, "attrs": {"t": 1}}).encode(), device)

    def send_raw(self, value: bytes | None, key: str = "") -> Any:
        """Anything."""
        return self._producer.send(self.name, value=value, key=key.encode())

    def flush(self) -> None:
        """Wait until everything is in Kafka."""
        self._producer.flush()

    def close(self) -> None:
        """Release the connections."""
        self._producer.close()

    def records(self) -> list[Any]:
        """Everything in the topic, partition by partition."""
        consumer = KafkaConsumer(bootstrap_servers=self._bootstrap, max_poll_records=5000)
        parts = [TopicPartition(self.name, one) for one in range(self._partitions)]
        consumer.assign(parts)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(parts)
        found: list[Any] = []
        while any(consumer.position(part) < end for part, end in ends.items()):
            for batch in consumer.poll(timeout_ms=500).values():
                found += batch
        consumer.close()
        return found

    def told(self) -> list[Told]:
        """The notices, for each device in order."""
        return [_told(one) for one in self.records() if _metadata(one).get("reason") == "statusUpdate"]

    def heard(self, lasting: Mapping[str, int]) -> list[Heard]:
        """The data, as the broker stamped them; `lasting` says how long they count where they do not."""
        found: list[Heard] = []
        for one in self.records():
            metadata = _metadata(one)
            if metadata.get("reason") != "statusUpdate" and "deviceid" in metadata:
                device = metadata["deviceid"]
                exp = metadata.get("exp")
                found.append(Heard(device, one.timestamp, round(exp * 1000) if exp else lasting[device]))
        return found


def by_device(told: Sequence[Told]) -> dict[str, list[Transition]]:
    """Notices as the model's transitions."""
    found: dict[str, list[Transition]] = {}
    for one in told:
        found.setdefault(one.device, []).append((one.status, one.due))
    return found


def _metadata(record: Any) -> dict[str, Any]:
    try:
        return dict(json.loads(record.value)["metadata"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _told(record: Any) -> Told:
    metadata = _metadata(record)
    headers = {name: value.decode() for name, value in record.headers}
    due = datetime.fromisoformat(headers["ce_time"]).timestamp()
    return Told(metadata["deviceid"], PresenceStatus(metadata["status"]), round(due * 1000), record.timestamp)
