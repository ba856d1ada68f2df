"""Notices are sent once; in doubt the topic is looked at before anything is repeated."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from structlog.testing import capture_logs

from device_monitor.directory import Topic
from device_monitor.notices import Letter, letter, notice_id
from device_monitor.stream import DeviceData, Partition
from device_monitor.telling import Telling
from device_registry.domain.errors import BrokerUnavailable
from device_registry.domain.model import DeviceId, Tenant
from device_registry.presence import Feed, Mark, Notice, PresenceStatus, PresenceStore, Taken

ACME = Tenant("acme")
TOPICS = {"acme.device-data": Topic(ACME, 2)}


def a_notice(number: int) -> Notice:
    return Notice(id=f"{number}-0", device=DeviceId("d1"), status=PresenceStatus.ONLINE, time=number)


class Store:
    """The part of Redis that is about notices."""

    def __init__(self, *notices: Notice) -> None:
        self.notices = list(notices)
        self.teller = ""
        self.takings = 0
        self.read = {0: 0, 1: 0}

    def take(self, tenant: Tenant, count: int) -> Taken:
        if self.teller:
            return Taken(doubtful=self.teller)
        self.takings += 1
        self.teller = f"me {self.takings}" if self.notices else ""
        return Taken(notices=self.notices[:count], teller=self.teller)

    def told(self, tenant: Tenant, ids: Sequence[str], *, done: str = "") -> None:
        self.notices = [one for one in self.notices if one.id not in ids]
        if done == self.teller:
            self.teller = ""

    def marks(self, feed: Feed) -> Mapping[int, Mark]:
        return {number: Mark(offset, 0) for number, offset in self.read.items()}


class Kafka:
    """Topic and sender at once; it takes `capacity` letters, or is away."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.capacity = 1000
        self.away = False
        self.end = 7

    def send(self, topic: str, letters: Sequence[Letter]) -> Collection[str]:
        if self.away:
            raise BrokerUnavailable
        taken = [one.id for one in letters[: self.capacity]]
        self.sent += taken
        return taken

    def ends(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        return dict.fromkeys(partitions, self.end)


class Scene:
    def __init__(self, *numbers: int) -> None:
        self.store, self.kafka = Store(*map(a_notice, numbers)), Kafka()
        store, data = cast("PresenceStore", self.store), cast("DeviceData", self.kafka)
        self.telling = Telling(store, data, self.kafka)

    def tell(self, topics: Mapping[str, Topic] = TOPICS) -> set[Tenant]:
        self.telling._holds.succeed(ACME)
        return self.telling.tell({ACME}, topics)


def test_what_waits_is_sent_and_struck_out() -> None:
    scene = Scene(1, 2)
    assert scene.tell() == set()
    assert scene.kafka.sent == ["1-0", "2-0"]
    assert (scene.store.notices, scene.store.teller) == ([], "")


def test_what_a_dead_monitor_may_have_sent_is_looked_for_first() -> None:
    scene = Scene(1, 2)
    scene.store.teller = "dead"
    for read in (0, 6):
        scene.store.read = {0: read, 1: 7}
        assert scene.tell() == {ACME}
        assert scene.kafka.sent == []
    scene.store.told(ACME, ["1-0"])  # a reader has found it in the topic
    scene.store.read = {0: 7, 1: 7}
    assert scene.tell() == set()
    assert scene.kafka.sent == ["2-0"]


def test_what_was_not_acknowledged_is_looked_for_before_it_is_sent_again() -> None:
    scene = Scene(1, 2)
    scene.kafka.capacity = 1
    assert scene.tell() == {ACME}
    assert [one.id for one in scene.store.notices] == ["2-0"]
    assert scene.tell() == {ACME}, "now there is a doubt"
    scene.kafka.capacity = 1000
    assert scene.tell() == {ACME}
    assert scene.kafka.sent == ["1-0"]
    scene.store.read = {0: 7, 1: 7}
    assert scene.tell() == set()
    assert scene.kafka.sent == ["1-0", "2-0"]


def test_what_may_have_been_sent_to_a_former_topic_is_not_waited_for() -> None:
    scene = Scene(1)
    scene.store.teller = "dead"
    assert scene.tell() == {ACME}
    renamed, scene.kafka.end = {"another": Topic(ACME, 2)}, 3
    scene.store.read = {0: 3, 1: 3}
    assert scene.tell(renamed) == {ACME}, "now the doubt is about the new one"
    assert scene.tell(renamed) == set()
    assert scene.kafka.sent == ["1-0"]


def test_a_topic_that_cannot_be_written_is_told_once_and_left_alone_for_a_while() -> None:
    scene = Scene(1)
    scene.kafka.away = True
    with capture_logs() as logs:
        for _ in range(3):
            assert scene.telling.tell({ACME}, TOPICS) == {ACME}
    assert [one["event"] for one in logs] == ["the notices of a tenant wait"]


def test_a_tenant_without_a_topic_waits_for_nobody() -> None:
    assert Scene(1).telling.tell({Tenant("gone")}, TOPICS) == set()


def test_a_letter_is_what_the_contract_says_and_bears_its_id() -> None:
    one = letter(ACME, a_notice(1_700_000_000_000))
    assert one.value == (
        b'{"metadata":{"deviceid":"d1","reason":"statusUpdate","status":"online","tenant":"acme"}}'
    )
    assert one.key == b"acme:d1"
    assert dict(one.headers)["ce_time"] == b"2023-11-14T22:13:20.000000+00:00"
    assert notice_id(one.headers) == one.id


def test_other_records_bear_no_id() -> None:
    odd: list[tuple[str, Any]] = [("other", b"1-0"), ("dojot_notice", None)]
    assert notice_id([]) is notice_id(odd) is None
