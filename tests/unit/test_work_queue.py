"""The work queue: nothing lost, nothing twice at a time, the urgent first."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_operator.queue import LONGEST_PAUSE_SECONDS, Priority, Work, WorkQueue
from device_registry.domain.model import Key, Kind
from tests.support.builders import a_device, a_resource


class Seconds:
    """A monotonic clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def a_key(name: str = "a", kind: Kind = Kind.DEVICE) -> Key:
    return Key(kind, "acme", name)


def version(generation: int = 1, **more: Any) -> Any:
    return a_resource(a_device(generation=generation), **more)


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def queue(clock: Seconds) -> WorkQueue:
    return WorkQueue(clock)


def drained(queue: WorkQueue) -> list[str]:
    names = []
    while work := queue.take():
        names.append(work.key.name)
        queue.done(work.key)
    return names


def test_many_events_of_a_key_are_one_entry_with_the_latest_version(queue: WorkQueue) -> None:
    queue.add(a_key(), version(1))
    queue.add(a_key(), version(2))
    queue.add(a_key())
    assert queue.take() == Work(a_key(), version(2))
    assert queue.take() is None


def test_versions_of_long_ago_are_fetched_anew_when_they_are_doubted(
    queue: WorkQueue, clock: Seconds
) -> None:
    queue.add(a_key("old"), version(1))
    clock.now += 61
    queue.add(a_key("new"), version(1))
    queue.doubt(60)
    assert [queue.take(), queue.take()] == [Work(a_key("old"), None), Work(a_key("new"), version(1))]


def test_templates_go_before_devices_and_live_before_sweep(queue: WorkQueue) -> None:
    queue.add(a_key("swept template", Kind.TEMPLATE), priority=Priority.SWEEP)
    queue.add(a_key("device"))
    queue.add(a_key("template", Kind.TEMPLATE))
    queue.add(a_key("second device"))
    assert drained(queue) == ["template", "device", "second device", "swept template"]


def test_a_swept_key_that_changes_becomes_urgent(queue: WorkQueue) -> None:
    queue.add(a_key("swept"), priority=Priority.SWEEP)
    queue.add(a_key("swept, then changed"), priority=Priority.SWEEP)
    queue.add(a_key("swept, then changed"))
    assert drained(queue) == ["swept, then changed", "swept"]


def test_a_key_that_changes_in_hand_comes_again_when_it_is_given_back(queue: WorkQueue) -> None:
    queue.add(a_key(), version(1))
    queue.take()
    queue.add(a_key(), version(2))
    assert queue.take() is None
    queue.done(a_key())
    assert queue.take() == Work(a_key(), version(2))


def test_the_echo_of_our_own_write_does_not_bring_a_key_back(queue: WorkQueue) -> None:
    queue.add(a_key(), version(1))
    queue.take()
    queue.add(a_key(), version(1))
    queue.done(a_key(), echo=lambda _: True)
    assert queue.take() is None


def test_a_wish_to_look_again_is_no_echo(queue: WorkQueue) -> None:
    queue.add(a_key(), version(1))
    queue.take()
    queue.add(a_key())
    queue.done(a_key(), echo=lambda _: True)
    assert queue.take() == Work(a_key(), None)


def test_an_echo_does_not_hide_a_wish_to_look_again(queue: WorkQueue) -> None:
    queue.add(a_key(), version(1))
    queue.take()
    queue.add(a_key())
    queue.add(a_key(), version(1))
    queue.done(a_key(), echo=lambda _: True)
    assert queue.take() == Work(a_key(), None)


def test_a_failed_key_comes_back_after_a_pause_and_is_fetched_afresh(
    queue: WorkQueue, clock: Seconds
) -> None:
    queue.add(a_key(), version(1))
    queue.take()
    queue.retry(a_key())
    assert queue.take() is None
    assert (queue.depth, queue.retrying) == (0, 1)
    clock.now += 2
    assert queue.take() == Work(a_key(), None)
    assert queue.retrying == 0


def pause_after(failures: int, queue: WorkQueue, clock: Seconds) -> float:
    """How long the key is left alone after that many failures in a row."""
    queue.add(a_key())
    for _ in range(failures):
        clock.now += LONGEST_PAUSE_SECONDS
        assert queue.take()
        queue.retry(a_key())
    began = clock.now
    while queue.take() is None:
        clock.now += 0.1
    return clock.now - began


@pytest.mark.parametrize(("failures", "least", "most"), [(1, 1, 2.2), (3, 4, 8.2), (12, 150, 300.2)])
def test_pauses_grow_from_a_second_to_five_minutes(
    queue: WorkQueue, clock: Seconds, failures: int, least: float, most: float
) -> None:
    assert least <= pause_after(failures, queue, clock) <= most


def test_success_makes_pauses_short_again(queue: WorkQueue, clock: Seconds) -> None:
    pause_after(6, queue, clock)
    queue.done(a_key())
    assert pause_after(1, queue, clock) <= 2.2


def test_an_edit_ends_the_pause(queue: WorkQueue) -> None:
    queue.add(a_key(), version(1))
    queue.take()
    queue.retry(a_key())
    queue.add(a_key(), version(1))
    assert queue.take() is None, "the same again is no news"
    queue.add(a_key(), version(2))
    assert queue.take() == Work(a_key(), version(2))


def test_an_edit_during_a_failing_look_is_tried_at_once(queue: WorkQueue) -> None:
    queue.add(a_key(), version(1))
    queue.take()
    queue.add(a_key(), version(1, deleting=True))
    queue.retry(a_key())
    assert queue.take() == Work(a_key(), version(1, deleting=True))


def test_a_wish_during_an_unsettled_look_is_fulfilled_at_once_also_beside_an_echo(queue: WorkQueue) -> None:
    key = version().key
    for also_told in (False, True):
        queue.add(key)
        queue.take()
        queue.looks_at(version(1))
        if also_told:
            queue.add(key, version(1))
        queue.add(key)
        queue.retry(key)
        assert queue.take(), "the deletion of a template whose last device has just gone"
        queue.done(key)


def test_a_wish_to_look_again_ends_the_pause(queue: WorkQueue) -> None:
    queue.add(a_key())
    queue.take()
    queue.retry(a_key())
    queue.add(a_key())
    assert queue.take() == Work(a_key(), None)


def test_what_is_known_about_an_object_that_is_gone_is_dropped(queue: WorkQueue, clock: Seconds) -> None:
    queue.add(a_key("ready"), version(1))
    queue.add(a_key("failed"), version(1))
    queue.add(a_key("kept"))
    queue.discard(a_key("ready"))
    assert queue.take() == Work(a_key("failed"), version(1))
    queue.retry(a_key("failed"))
    queue.discard(a_key("failed"))
    clock.now += LONGEST_PAUSE_SECONDS
    assert drained(queue) == ["kept"]


def test_depth_age_and_stall_tell_what_waits(queue: WorkQueue, clock: Seconds) -> None:
    assert (queue.depth, queue.oldest_age, queue.stalled_for) == (0, 0.0, 0.0)
    queue.add(a_key("old"))
    clock.now += 5
    queue.add(a_key("new"))
    assert (queue.depth, queue.oldest_age, queue.stalled_for) == (2, 5.0, 5.0)
    queue.take()
    clock.now += 1
    assert (queue.depth, queue.in_hand, queue.oldest_age, queue.stalled_for) == (1, 1, 1.0, 1.0)


async def test_whoever_waits_gets_the_next_key(queue: WorkQueue) -> None:
    taken = [asyncio.create_task(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    queue.add(a_key("a"))
    queue.add(a_key("b"))
    assert {work.key.name for work in await asyncio.gather(*taken)} == {"a", "b"}


async def test_whoever_waits_gets_a_failed_key_when_its_pause_is_over() -> None:
    loop = asyncio.get_running_loop()
    queue = WorkQueue(lambda: loop.time() * 100)
    queue.add(a_key())
    queue.retry((await queue.get()).key)
    async with asyncio.timeout(5):
        assert await queue.get() == Work(a_key(), None)


async def test_a_closed_queue_gives_nothing_and_is_drained_when_all_is_given_back(queue: WorkQueue) -> None:
    queue.add(a_key("in hand"))
    queue.add(a_key("left"))
    queue.take()
    queue.close()
    assert queue.take() is None
    waiting = asyncio.create_task(queue.drained())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.done(a_key("in hand"))
    await waiting


# --- any order of things --------------------------------------------------------------------------------

NAMES = st.sampled_from("abcd")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), NAMES, st.one_of(st.none(), st.integers(1, 3))),
        st.tuples(st.just("take"), st.none(), st.none()),
        st.tuples(st.sampled_from(["done", "retry"]), NAMES, st.none()),
        st.tuples(st.just("later"), st.none(), st.integers(1, 400)),
    ),
    max_size=60,
)


@given(steps=STEPS)
def test_whatever_happens_no_key_is_lost_and_none_is_in_hand_twice(steps: list[tuple[str, Any, Any]]) -> None:
    clock = Seconds()
    queue = WorkQueue(clock)
    open_keys: set[Key] = set()
    in_hand: set[Key] = set()
    for step, name, value in steps:
        key = a_key(name) if name else a_key()
        if step == "add":
            queue.add(key, version(value) if value else None)
            open_keys.add(key)
        elif step == "later":
            clock.now += value
        elif step == "take" and (work := queue.take()):
            assert work.key not in in_hand
            in_hand.add(work.key)
            open_keys.discard(work.key)
        elif step == "done" and key in in_hand:
            queue.done(key)
            in_hand.discard(key)
        elif step == "retry" and key in in_hand:
            queue.retry(key)
            in_hand.discard(key)
            open_keys.add(key)
    for key in in_hand:
        queue.done(key)
    clock.now += LONGEST_PAUSE_SECONDS
    assert {a_key(name) for name in drained(queue)} == open_keys


def test_what_was_old_is_looked_at_again_at_once_and_then_after_pauses_that_grow(
    queue: WorkQueue, clock: Seconds
) -> None:
    queue.add(a_key(), version(1))
    queue.take()
    queue.anew(a_key(), 15)
    assert queue.take() == Work(a_key(), None), "the newest version must be fetched"
    waited = []
    for _ in range(8):
        queue.anew(a_key(), 15)
        began = clock.now
        while not queue.take():
            clock.now += 0.5
        waited.append(clock.now - began)
    assert waited[0] >= 1
    assert all(pause <= 15.5 for pause in waited)
    assert waited[-1] >= 7.5


def test_what_was_old_because_of_one_edit_after_another_is_looked_at_without_pauses(queue: WorkQueue) -> None:
    queue.add(version().key, version(1))
    for generation in range(2, 6):
        assert queue.take()
        queue.looks_at(version(generation - 1))
        queue.add(version().key, version(generation))
        queue.anew(version().key, 15)
    assert queue.take() == Work(version().key, None), "the newest, whatever the watch has told"


def test_what_was_old_and_is_only_told_once_more_is_looked_at_after_a_pause(queue: WorkQueue) -> None:
    queue.add(version().key, version(1))
    for _ in range(2):
        assert queue.take()
        queue.looks_at(version(1))
        queue.add(version().key, version(1))
        queue.anew(version().key, 15)
    assert queue.take() is None


def test_what_settles_in_the_end_begins_without_a_pause_the_next_time(queue: WorkQueue) -> None:
    queue.add(a_key())
    queue.take()
    queue.anew(a_key(), 15)
    queue.take()
    queue.done(a_key())
    queue.add(a_key())
    queue.take()
    queue.anew(a_key(), 15)
    assert queue.take() is not None


def test_an_abandoned_queue_is_drained_whatever_is_in_hand(queue: WorkQueue) -> None:
    queue.add(a_key())
    queue.take()
    queue.abandon()
    assert queue._idle.is_set()
    assert queue.take() is None
