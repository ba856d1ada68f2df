"""What a monitor has read, and what it says of that: a real Redis, and a topic in memory."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY
from redis import Redis

from device_monitor.dependencies import Dependencies
from device_monitor.directory import Directory, Topic
from device_monitor.monitor import Monitor
from device_monitor.notices import Letter, letter
from device_monitor.reader import REACH_SECONDS, Reader
from device_monitor.stream import DeviceData, Partition
from device_monitor.telling import Telling
from device_registry.domain.errors import BrokerUnavailable, RegistryUnavailable
from device_registry.domain.model import DeviceId, Tenant
from device_registry.presence import Feed, Mark, PresenceStore
from device_registry.topics import NamedTopics
from local.platform import Platform
from tests.support.waiting import eventually

ACME = Tenant("acme")
NAME = "acme.device-data"
ONLY = Partition(NAME, 0)
FEED = Feed(ACME, NAME)
TOPICS = {NAME: Topic(ACME, 1)}
BELIEVED = "presence:reading"
DAY = 86_400_000


@pytest.fixture
def client(platform: Platform) -> Iterator[Redis]:
    """Redis with nothing in it: a database of its own, in which no monitor of other tests is there."""
    with Redis.from_url(platform.redis_url.removesuffix("/0") + "/1", decode_responses=True) as client:
        client.flushdb()
        yield client


class Data:
    """A topic of one partition, its reader and its writer; a round takes in a few records."""

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.position: dict[Partition, int] = {}
        self.arrives: Callable[[], object] = lambda: None
        """What happens whenever somebody asks where the topic ends."""

    def add(self, time: int, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        record = SimpleNamespace(offset=len(self.records), timestamp=time, value=value, headers=headers)
        self.records.append(record)

    def seen(self, device: str, time: int) -> None:
        self.add(time, json.dumps({"metadata": {"deviceid": device, "tenant": ACME}}).encode())

    def topics(self) -> Mapping[str, int]:
        return {NAME: 1}

    def assign(self, positions: Mapping[Partition, int]) -> None:
        self.position = dict(positions)

    def poll(self) -> Mapping[Partition, Sequence[Any]]:
        found = {one: self.records[offset : offset + 20] for one, offset in self.position.items()}
        self.position = {one: offset + len(found[one]) for one, offset in self.position.items()}
        return {one: records for one, records in found.items() if records}

    def positions(self) -> Mapping[Partition, int]:
        return dict(self.position)

    def ends(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        self.arrives()
        return dict.fromkeys(partitions, len(self.records))

    def offsets_at(self, times: Mapping[Partition, int]) -> Mapping[Partition, int | None]:
        return {one: self._first(time) for one, time in times.items()}

    def send(self, topic: str, letters: Sequence[Letter]) -> Collection[str]:
        for one in letters:
            self.add(self.records[-1].timestamp, one.value, one.headers)
        return [one.id for one in letters]

    def written(self) -> list[str]:
        """The ids of all notices in the topic."""
        return [dict(one.headers)["dojot_notice"].decode() for one in self.records if one.headers]

    def _first(self, time: int) -> int | None:
        return next((one.offset for one in self.records if one.timestamp >= time), None)


class FiveSeconds:
    """Every device exists, and its data count for as long."""

    def of(self, tenant: Tenant, devices: Collection[DeviceId]) -> Mapping[DeviceId, int]:
        return dict.fromkeys(devices, 5_000)


class Tenants:
    """A registry, which may be away."""

    def __init__(self, *tenants: Tenant, away: bool = False) -> None:
        self.names, self.away = tenants, away

    def tenants(self) -> Collection[Tenant]:
        if self.away:
            raise RegistryUnavailable
        return self.names


class SilentBroker:
    """Names no topic."""

    def topic(self, tenant: Tenant) -> str:
        raise BrokerUnavailable


class Scene:
    """The parts of a monitor."""

    def __init__(self, client: Redis, data: Data, name: str = "a") -> None:
        self.client = client
        self.data = data
        self.store = PresenceStore(client, name, noting=True)
        self.stream = cast("DeviceData", data)
        timeouts: Any = FiveSeconds()
        self.reader = Reader(self.store, self.stream, timeouts, name)
        self.telling = Telling(self.store, self.stream, data)
        self.now = self.store.here(60).now

    def round(self, now: int) -> None:
        """Share, let go, read and tell, alone in the world."""
        self.reader.take_share(TOPICS, [self.store.monitor], now)
        self.reader.sweep(now)
        self.reader.read()
        self.reader.waiting = self.telling.tell(self.reader.waiting, TOPICS)

    def monitor(self, tenants: Tenants, topics: Any = None) -> Monitor:
        """The whole of it."""
        dependencies = Dependencies()
        directory = Directory(tenants, topics or NamedTopics("device-data"), dependencies)
        return Monitor(self.store, self.stream, directory, (self.reader, self.telling), dependencies)

    def believed(self) -> bool:
        return bool(self.client.exists(BELIEVED))


@pytest.fixture
def scene(client: Redis) -> Scene:
    return Scene(client, Data())


def age() -> float:
    found = REGISTRY.get_sample_value("device_manager_monitor_read_age_seconds")
    assert found is not None
    return found


# --- how old what is unread can be --------------------------------------------------------------------


@pytest.mark.parametrize("clock", [0, -DAY, DAY], ids=["right", "behind", "ahead"])
def test_a_partition_that_never_rests_is_not_taken_for_one_that_is_behind(scene: Scene, clock: int) -> None:
    now = zero = scene.now - DAY
    scene.data.arrives = lambda: scene.data.seen("d", now + clock)
    ages = []
    for now in range(zero, zero + 60_000, 1_000):
        scene.round(now)
        ages.append(age())
    assert max(ages[1:]) <= 1


def test_what_is_not_read_grows_old(scene: Scene) -> None:
    now = zero = scene.now - DAY

    def more_than_a_round_reads() -> None:
        for _ in range(21):
            scene.data.seen("d", now)

    scene.data.arrives = more_than_a_round_reads
    scene.round(zero)
    for now in range(zero + 1_000, zero + 60_000, 1_000):
        scene.round(now)
    assert 1 < age() < 60, "each round leaves one more record than the one before"
    for now in range(zero + 60_000, zero + 120_000, 1_000):
        scene.reader.sweep(now)
    assert age() >= 60


# --- whether statuses are believed --------------------------------------------------------------------


def test_statuses_are_not_believed_before_what_lies_behind_has_been_read(scene: Scene) -> None:
    zero = scene.now - REACH_SECONDS * 1000
    scene.store.place(FEED, 0, None, Mark(0, zero))
    for number in range(50):
        scene.data.seen("d", zero + 1_000 * (number + 1))
    monitor = scene.monitor(Tenants(ACME))
    monitor.step()
    assert monitor.reading
    assert not scene.believed()
    eventually(lambda: monitor.step() or scene.believed(), what="everything read")
    assert scene.data.position[ONLY] >= 50


@pytest.mark.parametrize(
    ("tenants", "topics"),
    [(Tenants(away=True), None), (Tenants(ACME), SilentBroker())],
    ids=["registry", "data broker"],
)
def test_statuses_are_not_believed_while_nobody_says_what_there_is_to_read(
    scene: Scene, tenants: Tenants, topics: Any
) -> None:
    monitor = scene.monitor(tenants, topics)
    monitor.step()
    assert monitor.reading
    assert not scene.believed()


def test_a_registry_without_tenants_leaves_nothing_to_read(scene: Scene) -> None:
    scene.monitor(Tenants()).step()
    assert scene.believed()


def test_the_monitor_that_is_furthest_behind_decides_until_when_statuses_are_believed(scene: Scene) -> None:
    other = PresenceStore(scene.client, "b", noting=True)
    now = other.here(60).now
    scene.store.share_read(now)
    assert not scene.believed(), "nobody knows about the other one's share"
    other.share_read(now - 40_000)
    left: Any = scene.client.pttl(BELIEVED)
    assert 0 < left <= 20_000
    other.share_read(now - 60_000)
    scene.store.share_read(now)
    left = scene.client.pttl(BELIEVED)
    assert left <= 20_000, "what was said before holds, and no longer"
    other.leave()
    scene.store.share_read(now)
    left = scene.client.pttl(BELIEVED)
    assert 40_000 < left <= 60_000, "who has left has no share"


# --- how far back a monitor looks ---------------------------------------------------------------------


@pytest.fixture
def past(client: Redis, scene: Scene) -> Scene:
    """A monitor of long ago, when a device was seen: longer than monitors look back."""
    past = Scene(client, scene.data, "dead")
    past.now -= REACH_SECONDS * 1000 + 60_000
    past.store.place(FEED, 0, None, Mark(0, past.now))
    past.data.seen("d", past.now)
    return past


def test_notices_that_were_sent_long_ago_and_not_struck_out_are_found(past: Scene, scene: Scene) -> None:
    past.reader.take_share(TOPICS, ["dead"], past.now)
    past.reader.read()
    scene.data.send(NAME, [letter(ACME, one) for one in past.store.take(ACME, 10).notices])
    past.store.leave()
    for _ in range(6):
        scene.round(scene.now)
    came, went = scene.data.written()
    assert came != went


def test_whatever_else_lies_so_far_back_is_passed_by(past: Scene, scene: Scene) -> None:
    past.store.leave()
    for _ in range(6):
        scene.round(scene.now)
    assert scene.store.marks(FEED) == {0: Mark(1, scene.now)}
    assert scene.data.written() == []


def test_a_monitor_that_still_reads_a_former_topic_does_not_get_in_the_way(client: Redis) -> None:
    former, new = Scene(client, Data(), "former"), Scene(client, Data(), "new")
    named = {"new": Topic(ACME, 1)}
    for number in range(15):
        former.data.seen("a", former.now - 1_000 + number)
    for device in "bcde":
        former.data.seen("a", former.now)
        former.round(former.now)
        new.data.seen(device, new.now)
        new.reader.take_share(named, ["new"], new.now)
        new.reader.sweep(new.now)
        new.reader.read()
    assert client.zrange("presence:acme:until", 0, -1) == ["a", "b", "c", "d", "e"]
    assert new.store.marks(Feed(ACME, "new"))[0].offset == 4
