"""What stands in a topic, and a data broker that names topics."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from kafka import KafkaConsumer, TopicPartition


def records(bootstrap: str, topic: str) -> list[Any]:
    """Every record that the topic holds now, partition by partition."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, metrics_enabled=False)
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(partitions)
        found: list[Any] = []
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for batch in consumer.poll(timeout_ms=500).values():
                found += batch
        return found
    finally:
        consumer.close()


@dataclass
class DataBroker:
    """Names a topic for each tenant it knows; answers 500 for the others."""

    topics: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and tenant of each request."""
    url: str = ""

    def answer(self, path: str, token: str) -> tuple[int, dict[str, str]]:
        _, claims, _ = token.removeprefix("Bearer ").split(".")
        tenant = json.loads(base64.urlsafe_b64decode(claims + "=="))["service"]
        self.asked.append((path, tenant))
        topic = self.topics.get(tenant)
        return (200, {"topic": topic}) if topic else (500, {"msg": "no such subject"})


@contextmanager
def a_data_broker(**topics: str) -> Iterator[DataBroker]:
    broker = DataBroker(topics)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = broker.answer(self.path, self.headers["Authorization"])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        broker.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield broker
        finally:
            server.shutdown()
            thread.join()
