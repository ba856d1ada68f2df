"""Waiting for Kafka's acknowledgement of an event."""

import asyncio
from collections.abc import Sequence

import pytest

from device_operator import acknowledgements
from device_operator.acknowledgements import Acknowledgements, Position
from device_registry.domain.events import Recorded
from device_registry.domain.model import Key, Kind, Tenant
from tests.support.outbox import an_event

KEY = Key(Kind.DEVICE, "acme", "freezer-7")
SECOND = Position(Tenant("acme"), "a", 2)


class Desk:
    """Acknowledgements with the keys that they woke."""

    def __init__(self) -> None:
        self.woken: list[Key] = []
        self.waiting = Acknowledgements(asyncio.get_running_loop(), self.woken.append)

    async def sent(self, *sequences: int) -> None:
        """The relay reports from its thread."""
        await self.report([an_event(number, "a", number) for number in sequences])

    async def report(self, events: Sequence[Recorded]) -> None:
        await asyncio.to_thread(self.waiting.on_sent, events)
        await asyncio.sleep(0)


@pytest.fixture
async def desk() -> Desk:
    return Desk()


async def test_whoever_waits_hears_of_it(desk: Desk) -> None:
    waiting = asyncio.create_task(desk.waiting.wait(SECOND, 5))
    await desk.sent(1)
    assert not waiting.done()
    await desk.sent(2)
    assert await waiting


async def test_an_acknowledgement_that_comes_before_the_question_is_remembered(desk: Desk) -> None:
    await desk.sent(2)
    assert await desk.waiting.wait(SECOND, 0)


async def test_a_later_event_of_the_stream_means_that_the_earlier_was_sent(desk: Desk) -> None:
    await desk.sent(3)
    assert desk.waiting.has(SECOND)


async def test_the_same_sequence_of_another_stream_means_nothing(desk: Desk) -> None:
    await desk.report([an_event(1, "b", 2), an_event(2, "a", 2, tenant="other")])
    assert not desk.waiting.has(SECOND)


async def test_waiting_ends_after_its_time_and_leaves_nothing_behind(desk: Desk) -> None:
    assert not await desk.waiting.wait(SECOND, 0.01)
    assert desk.waiting._awaited == {}


async def test_a_late_acknowledgement_wakes_the_key_once(desk: Desk) -> None:
    desk.waiting.wake_later(SECOND, KEY)
    await desk.sent(1)
    assert desk.woken == []
    await desk.sent(2)
    await desk.sent(3)
    assert desk.woken == [KEY]


async def test_an_acknowledgement_that_came_meanwhile_wakes_the_key_at_once(desk: Desk) -> None:
    await desk.sent(2)
    desk.waiting.wake_later(SECOND, KEY)
    assert desk.woken == [KEY]


async def test_memory_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acknowledgements, "REMEMBERED", 3)
    await desk.report([an_event(number, str(number)) for number in range(10)])
    known = [number for number in range(10) if desk.waiting.has(Position(Tenant("acme"), str(number), 1))]
    assert known == [7, 8, 9]
