"""Writes notices to Kafka and waits until all replicas in sync have them. For one thread."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from device_registry.brokers import close_at_once
from device_registry.domain.errors import BrokerUnavailable

from .notices import Letter

DELIVERY_SECONDS = 4.0
"""When the library gives up: well before others take this monitor for dead and look what has arrived."""

BLOCK_SECONDS = 2.0
"""How long the library may look for a broker or a topic."""

FRESH_SECONDS = BLOCK_SECONDS + 1
"""How long after they were taken notices may be handed to the library: this process may have been frozen."""


class KafkaSender:
    """See `telling.Sender`. A producer that has failed is thrown away with whatever it still holds."""

    def __init__(self, bootstrap: Sequence[str], security: Mapping[str, Any]) -> None:
        """`security`: arguments for the library's clients, see `Settings.kafka_security`."""
        self._bootstrap = list(bootstrap)
        self._security = dict(security)
        self._producer: KafkaProducer | None = None
        self._latest = 0.0

    def send(self, topic: str, letters: Sequence[Letter]) -> Collection[str]:
        """Answer the ids of those that Kafka has acknowledged. Raises BrokerUnavailable."""
        self._latest = monotonic() + FRESH_SECONDS
        try:
            attempts = {one.id: self._hand_over(topic, one) for one in letters}
        except (KafkaError, OSError) as error:
            self.close()
            raise BrokerUnavailable(f"{topic} cannot be written: {error}") from error
        deadline = monotonic() + DELIVERY_SECONDS + 1
        sent = [notice for notice, attempt in attempts.items() if _acknowledged(attempt, deadline)]
        if len(sent) < len(letters):
            self.close()
        return sent

    def close(self) -> None:
        """Give up the producer; the next call of `send` begins with a new one."""
        if self._producer is not None:
            close_at_once(self._producer)
            self._producer = None

    def _hand_over(self, topic: str, one: Letter) -> Any:
        if self._producer is None:
            self._producer = KafkaProducer(**self._configuration())
        if monotonic() > self._latest:
            raise KafkaTimeoutError("this process stood still, others may have sent what it holds")
        return self._producer.send(topic, key=one.key, value=one.value, headers=list(one.headers))

    def _configuration(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self._bootstrap,
            "client_id": "device-manager-monitor",
            "acks": "all",
            "enable_idempotence": True,
            "delivery_timeout_ms": round(DELIVERY_SECONDS * 1000),
            "request_timeout_ms": round(DELIVERY_SECONDS * 600),
            "bootstrap_timeout_ms": round(BLOCK_SECONDS * 1000),
            "max_block_ms": round(BLOCK_SECONDS * 1000),
            "reconnect_backoff_max_ms": 1000,
            "metrics_enabled": False,
            **self._security,
        }


def _acknowledged(attempt: Any, deadline: float) -> bool:
    with suppress(KafkaError):
        attempt.get(timeout=max(0.0, deadline - monotonic()))
        return True
    return False
