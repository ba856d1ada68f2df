"""Presence in a real Redis: each transition once, whatever is read twice, late, or by several monitors."""

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from device_registry.domain.errors import PresenceUnavailable
from device_registry.domain.model import DeviceId, Tenant
from device_registry.presence import Feed, PresenceStatus, PresenceStore, Progress, Reading, Sighting
from device_registry.presence.store import Mark
from local.platform import Platform
from tests.support.presence import Heard, Transition, transitions

ONLINE, OFFLINE = PresenceStatus.ONLINE, PresenceStatus.OFFLINE
PARTITIONS = 3
FAR = 10_000_000
"""Milliseconds: how far the data of these tests lie in the past, so that no clock gets in their way."""


@pytest.fixture(scope="module")
def client(platform: Platform) -> Iterator[Redis]:
    client = Redis.from_url(platform.redis_url, decode_responses=True)
    yield client
    client.close()


class Scene:
    """One tenant, its partitions, and a monitor; times count from the beginning of the scene."""

    def __init__(self, client: Redis, partitions: int = PARTITIONS) -> None:
        self.client = client
        self.tenant = Tenant(f"t{uuid4().hex[:12]}")
        self.feed = Feed(self.tenant, "data")
        self.store = PresenceStore(client, "a", noting=True)
        self.zero = int(time.time() * 1000) - FAR
        self.partitions = partitions
        for partition in range(partitions):
            self.store.place(self.feed, partition, None, Mark(0, self.zero))
        self.logs: dict[int, list[Heard]] = defaultdict(list)

    def data(self, partition: int, device: str, at: int, lasting: int = 100) -> None:
        """A record arrives in Kafka."""
        self.logs[partition].append(Heard(device, at, lasting))

    def read(self, partition: int, start: int = 0, end: int | None = None) -> tuple[int, int]:
        """A monitor takes in the records of a partition between two offsets; answers what it counted."""
        log = self.logs[partition][start:end]
        tally = self.store.apply(
            Reading(
                feed=self.feed,
                partition=partition,
                partitions=self.partitions,
                start=start,
                end=start + len(log),
                sightings=[
                    Sighting(start + index, DeviceId(one.device), self.zero + one.time, one.lasting)
                    for index, one in enumerate(log)
                ],
            )
        )
        assert tally.behind is None
        return tally.online, tally.offline

    def nothing_before(self, at: int, *partitions: int) -> None:
        """These partitions were read to their ends at that time."""
        chosen = partitions or range(self.partitions)
        marks = self.store.marks(self.feed)
        steps = [
            Progress(partition=one, before=marks[one].offset, position=marks[one].offset, time=self.zero + at)
            for one in chosen
        ]
        while self.store.advance(self.feed, self.partitions, steps, 2).more:
            pass

    def told(self) -> dict[str, list[Transition]]:
        """Every transition so far, by device."""
        found: dict[str, list[Transition]] = defaultdict(list)
        notices: Any = self.client.xrange(f"presence:{self.tenant}:notices")
        for _, fields in notices:
            transition = (PresenceStatus(fields["status"]), int(fields["time"]) - self.zero)
            found[fields["device"]].append(transition)
        return dict(found)


@pytest.fixture
def scene(client: Redis) -> Scene:
    return Scene(client)


def test_a_device_comes_with_its_first_data_and_goes_when_it_is_silent(scene: Scene) -> None:
    scene.data(0, "d", at=10)
    scene.data(0, "d", at=90)
    assert scene.read(0) == (1, 0)
    scene.nothing_before(190)
    assert scene.told() == {"d": [(ONLINE, 10)]}
    scene.nothing_before(191)
    assert scene.told() == {"d": [(ONLINE, 10), (OFFLINE, 190)]}


def test_what_is_read_again_changes_nothing(client: Redis) -> None:
    scene = Scene(client, partitions=1)
    for at in (10, 500, 900):
        scene.data(0, "d", at=at)
    scene.read(0, 0, 2)
    assert scene.read(0, 0, 2) == (0, 0)
    assert scene.read(0) == (1, 1)
    scene.nothing_before(950)
    assert scene.read(0, 1, 3) == (0, 0)
    scene.nothing_before(5000)
    assert scene.told() == {
        "d": [(ONLINE, 10), (OFFLINE, 110), (ONLINE, 500), (OFFLINE, 600), (ONLINE, 900), (OFFLINE, 1000)]
    }


def test_nobody_goes_while_a_partition_is_unread(scene: Scene) -> None:
    scene.data(0, "d", at=10)
    scene.read(0)
    scene.nothing_before(500, 0, 1)
    assert scene.told() == {"d": [(ONLINE, 10)]}
    scene.data(2, "d", at=100)
    scene.read(2)
    scene.nothing_before(190)
    assert scene.told() == {"d": [(ONLINE, 10)]}


def test_a_silence_is_told_once_it_is_certain(scene: Scene) -> None:
    scene.data(0, "d", at=10)
    scene.data(0, "d", at=500)
    scene.read(0)
    assert scene.told() == {"d": [(ONLINE, 10)]}, "another partition may still bring what was in between"
    scene.nothing_before(300)
    assert scene.told() == {"d": [(ONLINE, 10), (OFFLINE, 110), (ONLINE, 500)]}


def test_data_of_another_partition_fills_a_silence(scene: Scene) -> None:
    scene.data(0, "d", at=10)
    scene.data(0, "d", at=150)
    scene.data(1, "d", at=80)
    scene.read(0)
    scene.read(1)
    scene.nothing_before(1000)
    assert scene.told() == {"d": [(ONLINE, 10), (OFFLINE, 250)]}


def test_the_longest_promise_holds(scene: Scene) -> None:
    scene.data(0, "d", at=10, lasting=1000)
    scene.data(0, "d", at=20, lasting=5)
    scene.read(0)
    scene.nothing_before(5000)
    assert scene.told() == {"d": [(ONLINE, 10), (OFFLINE, 1010)]}


def test_clocks_that_are_wrong_do_no_harm(scene: Scene) -> None:
    scene.nothing_before(2000)
    scene.data(0, "behind", at=10)
    scene.data(0, "ahead", at=10 * FAR)
    scene.read(0)
    told = scene.told()
    assert told["behind"] == [(ONLINE, 2000)], "it cannot have come before the partition was read to 2000"
    assert told["ahead"][0][1] < 2 * FAR, "it cannot have come in the future"


def test_a_store_that_was_set_back_says_from_where_to_read_again(scene: Scene) -> None:
    scene.data(0, "d", at=10)
    reading = Reading(feed=scene.feed, partition=0, partitions=PARTITIONS, start=7, end=9)
    assert scene.store.apply(reading).behind == 0
    scene.client.delete(f"presence:{scene.tenant}:read:data")
    assert scene.store.apply(reading).behind == -1


def test_notices_are_taken_by_one_monitor_at_a_time(scene: Scene) -> None:
    other = PresenceStore(scene.client, "b", noting=True)
    scene.store.here(60)
    scene.data(0, "d", at=10)
    scene.read(0)
    taken = scene.store.take(scene.tenant, 10)
    (notice,) = taken.notices
    assert (notice.device, notice.status, notice.time) == ("d", ONLINE, scene.zero + 10)
    assert not other.take(scene.tenant, 10).notices
    scene.store.told(scene.tenant, [notice.id], done=taken.teller)
    assert not other.take(scene.tenant, 10).notices, "nothing is left"
    scene.store.leave()


def test_what_a_monitor_left_unsaid_is_doubtful_until_somebody_has_looked(scene: Scene) -> None:
    other = PresenceStore(scene.client, "b", noting=True)
    for device in "de":
        scene.data(0, device, at=10)
    scene.read(0)
    taken = scene.store.take(scene.tenant, 10)
    first, second = taken.notices
    # "a" never said that it was there: it has died.
    assert other.take(scene.tenant, 10).doubtful == taken.teller
    found = Reading(
        feed=scene.feed,
        partition=1,
        partitions=PARTITIONS,
        start=0,
        end=1,
        arrived=[first.id, "nonsense"],
    )
    other.apply(found)
    other.told(scene.tenant, [], done=taken.teller)
    assert [one.id for one in other.take(scene.tenant, 10).notices] == [second.id]


def test_a_doubt_that_is_over_is_not_taken_for_one_about_what_was_taken_later(scene: Scene) -> None:
    other = PresenceStore(scene.client, "b", noting=True)
    scene.data(0, "d", at=10)
    scene.read(0)
    scene.store.take(scene.tenant, 10)
    doubt = other.take(scene.tenant, 10).doubtful
    scene.store.here(60)
    assert scene.store.take(scene.tenant, 10).doubtful == doubt, "it came back, and knows no better"
    scene.store.told(scene.tenant, [], done=doubt)
    assert scene.store.take(scene.tenant, 10).notices
    other.told(scene.tenant, [], done=doubt)
    assert not other.take(scene.tenant, 10).notices, "they are being sent"
    scene.store.leave()


def test_a_monitor_that_says_nothing_is_not_there(scene: Scene) -> None:
    other = PresenceStore(scene.client, "b", noting=True)
    assert "a" in scene.store.here(60).names
    assert {"a", "b"} <= set(other.here(60).names)
    scene.store.leave()
    assert "a" not in other.here(60).names
    other.leave()


def test_a_redis_that_is_away_is_told_as_such() -> None:
    store = PresenceStore(Redis(port=1, socket_connect_timeout=1), "a", noting=False)
    with pytest.raises(PresenceUnavailable):
        store.here(1)
    store.close()


# --- against the model --------------------------------------------------------------------------------

KEYED = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.integers(0, 60), st.sampled_from([20, 50, 200])), max_size=60
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["read", "again", "end"]), st.integers(0, PARTITIONS - 1), st.integers(1, 8)),
    max_size=60,
)


@given(messages=KEYED, steps=STEPS)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
def test_however_partitions_are_read_the_transitions_are_those_of_the_model(
    client: Redis, messages: list[tuple[str, int, int]], steps: list[tuple[str, int, int]]
) -> None:
    scene, now, heard = Scene(client), 0, list[Heard]()
    for device, pause, lasting in messages:
        now += pause
        scene.data(ord(device) % PARTITIONS, device, now, lasting)
        heard.append(Heard(device, now, lasting))
    done = dict.fromkeys(range(PARTITIONS), 0)
    for what, partition, count in steps:
        if what == "read":
            scene.read(partition, done[partition], done[partition] + count)
            done[partition] = min(len(scene.logs[partition]), done[partition] + count)
        elif what == "again":
            scene.read(partition, max(0, done[partition] - count), done[partition])
        elif done[partition] == len(scene.logs[partition]):
            scene.nothing_before(now, partition)
    for partition in range(PARTITIONS):
        scene.read(partition, done[partition])
    scene.nothing_before(now + 1000)
    assert scene.told() == transitions(heard)
