"""What the Kafka library lacks: asking whether a broker listens, finding many topics at once, ending at once.

The adapter in `kafka.py` and the monitor call these.
"""

import socket
from collections.abc import Collection
from threading import Event
from time import monotonic

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAuthorizationFailedError

PING_SECONDS = 2.0
"""How long a broker may take to accept a connection."""

_LOOK_SECONDS = 0.05
"""How long to wait for an answer about topics before asking again; making one takes a fifth of a second."""


def accepts_connections(server: str) -> bool:
    """Whether anybody listens at `host:port`."""
    host, _, port = server.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PING_SECONDS):
            return True
    except OSError:
        return False


def close_at_once(producer: KafkaProducer) -> None:
    """Close it, whatever it still holds."""
    try:
        producer.close(timeout=1)
    except KafkaTimeoutError:
        # `close` gives up when a record is still pending, and would leave the sending thread at work.
        producer._sender.force_close()  # noqa: SLF001 - the library has no public way


def unusable_topics(
    producer: KafkaProducer, topics: Collection[str], seconds: float
) -> dict[str, KafkaError]:
    """Have the brokers make those topics that do not exist; answers those that cannot be used in that time.

    The library's own way, `partitions_for`, looks for one topic after the other, and does not bear threads.
    """
    metadata, sender = producer._metadata, producer._sender  # noqa: SLF001 - the library has no public way
    for topic in topics:
        sender.add_topic(topic)
    deadline = monotonic() + seconds
    while missing := [one for one in topics if metadata.partitions_for_topic(one) is None]:
        if monotonic() > deadline:
            break
        answered = Event()
        metadata.request_update().add_both(lambda *_, event=answered: event.set())
        sender.wakeup()
        answered.wait(_LOOK_SECONDS)
    return {topic: _refusal(topic, metadata.unauthorized_topics) for topic in missing}


def _refusal(topic: str, unauthorized: Collection[str]) -> KafkaError:
    if topic in unauthorized:
        return TopicAuthorizationFailedError({topic})
    return KafkaTimeoutError(f"no broker knows or makes the topic {topic}")
