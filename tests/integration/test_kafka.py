"""The event bus on a real Kafka: what arrives, in which order, and what happens when it does not."""

import gc
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from threading import Event
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient
from structlog.testing import capture_logs

from device_registry.domain.errors import BrokerUnavailable
from device_registry.domain.events import Recorded
from device_registry.domain.model import Tenant
from device_registry.kafka import LARGE_BYTES, KafkaBus, Outcomes
from device_registry.relay import Relay
from device_registry.topics import REMEMBERED_SECONDS, DataBrokerTopics, NamedTopics, TopicSource
from local.platform import Platform
from tests.support.outbox import NOON, MemoryOutbox, Nobody, an_event
from tests.support.topics import a_data_broker, records

SUBJECT = "dojot.device-manager.device"
DELIVERY_SECONDS = 3.0

Connect = Callable[[TopicSource], KafkaBus]

# The library leaves sockets of failed connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture
def connect(platform: Platform) -> Iterator[Connect]:
    """Make a bus that knows topics by a source; all are closed in the end."""
    buses: list[KafkaBus] = []

    def make(topics: TopicSource) -> KafkaBus:
        buses.append(KafkaBus([platform.kafka_bootstrap], topics, DELIVERY_SECONDS))
        return buses[-1]

    yield make
    for bus in buses:
        bus.close()
    buses.clear()
    gc.collect()


@pytest.fixture
def bus(connect: Connect) -> KafkaBus:
    return connect(NamedTopics(SUBJECT))


@pytest.fixture
def tenant() -> str:
    """A tenant, and so a topic, that no other test uses."""
    return f"t{uuid4().hex[:12]}"


# --- what arrives -----------------------------------------------------------------------------------------


def test_a_record_carries_key_value_and_headers_as_the_event_says(
    platform: Platform, bus: KafkaBus, tenant: str
) -> None:
    event = an_event(1, "a1b2c3", 7, tenant=tenant, payload='{"label":"K\u00fchlschrank"}', writer="kubectl")

    assert bus.send([event])[1].sent

    [record] = records(platform.kafka_bootstrap, f"{tenant}.{SUBJECT}")
    assert record.key == f"{tenant}:a1b2c3".encode()
    assert record.value == '{"label":"K\u00fchlschrank"}'.encode()
    assert record.headers == event.headers
    assert dict(record.headers)["ce_id"] == f"{tenant}/a1b2c3/7".encode()


def test_the_events_of_each_device_arrive_in_order_in_one_partition(
    platform: Platform, bus: KafkaBus, tenant: str
) -> None:
    outbox = MemoryOutbox()
    for sequence in range(1, 21):
        for device in "abcdefg":
            outbox.events.append(an_event(len(outbox.events) + 1, device, sequence, tenant=tenant))

    Relay(outbox, bus, lambda: NOON, Nobody(), timedelta(days=1)).step()

    sequences, partitions = defaultdict(list), defaultdict(set)
    for record in records(platform.kafka_bootstrap, f"{tenant}.{SUBJECT}"):
        sequences[record.key].append(int(dict(record.headers)["dojot_sequence"]))
        partitions[record.key].add(record.partition)
    assert set(partitions) == {f"{tenant}:{device}".encode() for device in "abcdefg"}
    assert all(seen == list(range(1, 21)) for seen in sequences.values())
    assert all(len(numbers) == 1 for numbers in partitions.values())


# --- what can never be sent -------------------------------------------------------------------------------


def test_a_record_too_large_for_the_broker_is_poison_and_its_company_is_not(
    platform: Platform, bus: KafkaBus, tenant: str
) -> None:
    events = [an_event(number, str(number), tenant=tenant) for number in range(20)]
    events[7] = an_event(7, "7", tenant=tenant, payload="x" * 2_000_000)

    deliveries = bus.send(events)

    assert [event_id for event_id, delivery in deliveries.items() if delivery.poison] == [7]
    assert [event_id for event_id, delivery in deliveries.items() if not delivery.sent] == [7]
    assert "MessageSizeTooLarge" in deliveries[7].error
    assert bus.send([an_event(20, "7", 2, tenant=tenant)])[20].sent


def test_an_event_whose_topic_cannot_exist_is_poison(bus: KafkaBus, tenant: str) -> None:
    deliveries = bus.send([an_event(1, tenant="no topic"), an_event(2, tenant=tenant)])

    assert deliveries[1].poison
    assert deliveries[2].sent


# --- outages ----------------------------------------------------------------------------------------------


@pytest.fixture
def library_lines(caplog: pytest.LogCaptureFixture) -> Callable[[], int]:
    """How many lines the Kafka library has logged."""
    caplog.set_level(logging.INFO)
    return lambda: len([record for record in caplog.records if record.name.startswith("kafka")])


def test_a_broker_that_dies_is_noticed_in_time_and_used_again_when_it_is_back(
    platform: Platform, bus: KafkaBus, tenant: str, library_lines: Callable[[], int]
) -> None:
    kafka = platform.parts["kafka"]
    assert bus.send([an_event(1, tenant=tenant)])[1].sent
    assert bus.ping()

    kafka.kill()
    try:
        noticed = _seconds_until_unavailable(bus, an_event(2, "a", 2, tenant=tenant))
        again = _seconds_until_unavailable(bus, an_event(2, "a", 2, tenant=tenant))
        assert not bus.ping()
    finally:
        kafka.start()

    assert noticed < 2 * DELIVERY_SECONDS
    assert again < 1
    assert library_lines() == 0
    assert bus.send([an_event(2, "a", 2, tenant=tenant)])[2].sent


def test_a_broker_that_hangs_is_an_outage_too(platform: Platform, bus: KafkaBus, tenant: str) -> None:
    kafka = platform.parts["kafka"]
    assert bus.send([an_event(1, tenant=tenant)])[1].sent

    kafka.pause()
    try:
        noticed = _seconds_until_unavailable(bus, an_event(2, "a", 2, tenant=tenant))
    finally:
        kafka.resume()

    assert noticed < 3 * DELIVERY_SECONDS + 5
    assert bus.send([an_event(2, "a", 2, tenant=tenant)])[2].sent


def test_a_topic_that_kafka_does_not_make_holds_back_its_tenant_only(
    platform: Platform, bus: KafkaBus, tenant: str
) -> None:
    # Kafka refuses two topics that differ in dots and underscores only.
    _create_topic(platform.kafka_bootstrap, f"{tenant}.{SUBJECT}".replace(".", "_"))
    refused = [an_event(number, str(number), tenant=tenant) for number in range(3)]

    deliveries = bus.send([*refused, an_event(3, tenant=tenant + "2")])
    begin = monotonic()
    meanwhile = bus.send([*refused, an_event(4, "a", 2, tenant=tenant + "2")])

    assert [event_id for event_id, delivery in deliveries.items() if delivery.sent] == [3]
    assert not any(delivery.poison for delivery in deliveries.values())
    assert [event_id for event_id, delivery in meanwhile.items() if delivery.sent] == [4]
    assert monotonic() - begin < 1


def test_many_new_tenants_do_not_hold_up_one_whose_topic_is_known(connect: Connect, tenant: str) -> None:
    topics = Slow(tenant)
    bus = connect(topics)
    assert bus.send([an_event(1, tenant=tenant)])[1].sent
    topics.opened.clear()
    news = [an_event(number, tenant=f"{tenant}-{number}") for number in range(10, 40)]

    deliveries = bus.send([*news, an_event(2, "a", 2, tenant=tenant)])

    assert [event_id for event_id, delivery in deliveries.items() if delivery.sent] == [2]
    assert bus.held() == {one.event.tenant for one in news}
    topics.opened.set()
    for one in news:
        _send_until_sent(bus, one, patience=60)


class Slow(NamedTopics):
    """Names the topics of other tenants only after a while."""

    def __init__(self, known: str) -> None:
        super().__init__(SUBJECT)
        self._known = known
        self.opened = Event()

    def topic(self, tenant: Tenant) -> str:
        if tenant != self._known:
            self.opened.wait(30)
        return super().topic(tenant)


def test_a_tenant_whose_topic_is_looked_for_in_vain_is_held(
    platform: Platform, bus: KafkaBus, tenant: str
) -> None:
    _create_topic(platform.kafka_bootstrap, f"{tenant}.{SUBJECT}".replace(".", "_"))

    assert not bus.send([an_event(1, tenant=tenant)])[1].sent

    assert bus.held() == {tenant}


def _create_topic(bootstrap: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([topic], wait_for_metadata=True)
    admin.close()


def _seconds_until_unavailable(bus: KafkaBus, event: Recorded) -> float:
    begin = monotonic()
    with pytest.raises(BrokerUnavailable):
        bus.send([event])
    return monotonic() - begin


# --- the end ----------------------------------------------------------------------------------------------


def test_nothing_is_sent_by_a_bus_that_was_closed(bus: KafkaBus, tenant: str) -> None:
    assert bus.send([an_event(1, tenant=tenant)])[1].sent
    bus.close()
    with pytest.raises(BrokerUnavailable):
        bus.send([an_event(2, sequence=2, tenant=tenant)])


def test_a_bus_that_is_closed_while_it_sends_tells_what_it_has_sent_and_sends_no_more(
    bus: KafkaBus, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    acknowledged = bus._await

    def close_meanwhile(attempts: Mapping[int, Any]) -> Outcomes:
        outcomes = acknowledged(attempts)
        bus.close()
        return outcomes

    monkeypatch.setattr(bus, "_await", close_meanwhile)
    large = json.dumps("x" * LARGE_BYTES)
    deliveries = bus.send([an_event(1, tenant=tenant), an_event(2, "b", tenant=tenant, payload=large)])
    assert [deliveries[number].sent for number in (1, 2)] == [True, False]


# --- topics -----------------------------------------------------------------------------------------------


def test_the_data_broker_is_asked_once_for_the_topic_of_a_tenant(
    platform: Platform, connect: Connect, tenant: str
) -> None:
    with a_data_broker(**{tenant: f"{tenant}.named-by-the-data-broker"}) as data_broker:
        bus = connect(DataBrokerTopics(data_broker.url + "/", SUBJECT))
        for number in range(3):
            assert bus.send([an_event(number, tenant=tenant)])[number].sent

    assert data_broker.asked == [(f"/topic/{SUBJECT}", tenant)]
    assert len(records(platform.kafka_bootstrap, f"{tenant}.named-by-the-data-broker")) == 3


def test_a_tenant_without_a_topic_waits_and_the_others_go_on(connect: Connect, tenant: str) -> None:
    with a_data_broker(**{tenant: f"{tenant}.topic"}) as data_broker, capture_logs() as logs:
        bus = connect(DataBrokerTopics(data_broker.url, SUBJECT))
        waiting = [an_event(number, str(number), tenant="unknown") for number in range(3)]
        deliveries = bus.send([*waiting, an_event(3, tenant=tenant)])
        at_once = bus.send([waiting[0]])

        assert [event_id for event_id, delivery in deliveries.items() if delivery.sent] == [3]
        assert "names no topic for tenant unknown" in deliveries[0].error
        assert not at_once[0].sent
        assert sorted(path_and_tenant[1] for path_and_tenant in data_broker.asked) == [tenant, "unknown"]

        data_broker.topics["unknown"] = f"{tenant}.late"
        _send_until_sent(bus, waiting[0])

    assert [line["event"] for line in logs] == [
        "the events of a tenant wait",
        "the events of a tenant flow again",
    ]


def test_without_the_data_broker_events_wait_and_tenants_with_a_known_topic_go_on(
    connect: Connect, tenant: str
) -> None:
    with a_data_broker(**{tenant: f"{tenant}.topic"}) as data_broker:
        bus = connect(DataBrokerTopics(data_broker.url, SUBJECT))
        assert bus.send([an_event(1, tenant=tenant)])[1].sent

    deliveries = bus.send([an_event(2, tenant="other"), an_event(3, tenant=tenant)])

    assert not deliveries[2].sent
    assert not deliveries[2].poison
    assert "does not answer" in deliveries[2].error
    assert deliveries[3].sent


def test_a_topic_is_asked_for_again_after_a_while(tenant: str) -> None:
    time = [0.0]
    with a_data_broker(acme="first") as data_broker:
        topics = DataBrokerTopics(data_broker.url, SUBJECT, clock=lambda: time[0])
        assert topics.topic(Tenant("acme")) == "first"
        data_broker.topics["acme"] = "second"
        assert topics.topic(Tenant("acme")) == "first"
        time[0] = REMEMBERED_SECONDS
        assert topics.topic(Tenant("acme")) == "second"
    time[0] *= 2
    assert topics.topic(Tenant("acme")) == "second", "a data broker that is away takes nothing back"


def test_a_topic_that_cannot_exist_is_none(tenant: str) -> None:
    with a_data_broker(acme="no topic") as data_broker:
        topics = DataBrokerTopics(data_broker.url, SUBJECT)
        with pytest.raises(BrokerUnavailable, match="names no topic for tenant acme"):
            topics.topic(Tenant("acme"))


def _send_until_sent(bus: KafkaBus, event: Recorded, patience: float = 10) -> None:
    deadline = monotonic() + patience
    while not bus.send([event])[event.id].sent:
        assert monotonic() < deadline
