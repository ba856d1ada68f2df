"""Whoever wrote a resource learns what the operator decided about it, soon and only once it is so."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import URL, create_engine, text

from device_registry.domain.budget import DeletionBudget
from device_registry.domain.errors import OperatorUnavailable, RegistryUnavailable
from device_registry.domain.reasons import Reason
from device_registry.reconcile import Reconciler
from device_registry.registry.reader import RegistryReader
from device_registry.registry.waiter import OutcomeWaiter
from device_registry.registry.writer import PostgresRegistry
from tests.support.builders import a_device, a_template, an_outcome
from tests.support.clock import Clock
from tests.support.story import Story
from tests.support.until import until

KEY = an_outcome().key
UID = an_outcome().uid
TENANT = an_outcome().tenant


@pytest.fixture
def story(registry: PostgresRegistry) -> Story:
    return Story(registry, registry.outbox, Clock())


@pytest.fixture
async def reader(url: URL) -> AsyncIterator[RegistryReader]:
    async with RegistryReader(url) as reader:
        yield reader


@pytest.fixture
async def waiter(url: URL, reader: RegistryReader) -> AsyncIterator[OutcomeWaiter]:
    async with OutcomeWaiter(reader, 10) as waiter:
        yield waiter


async def test_what_was_decided_before_is_answered_at_once(story: Story, waiter: OutcomeWaiter) -> None:
    story.apply(a_template(), a_device())
    outcome = await waiter.wait(TENANT, KEY, UID, 1)
    assert outcome.registered


async def test_what_is_decided_later_is_waited_for(story: Story, waiter: OutcomeWaiter) -> None:
    waiting = asyncio.create_task(waiter.wait(TENANT, KEY, UID, 2))
    await asyncio.to_thread(story.apply, a_template(), a_device())
    await asyncio.to_thread(story.apply, a_device(generation=2, label="changed"))
    outcome = await waiting
    assert outcome.generation == 2


async def test_a_notification_is_faster_than_looking_each_second(story: Story, waiter: OutcomeWaiter) -> None:
    story.apply(a_template())
    await waiter.wait(TENANT, a_template().key, a_template().uid, 1)
    seconds = []
    for number in range(5):
        device = a_device(f"d{number}", id=f"d{number}")
        waiting = asyncio.create_task(waiter.wait(TENANT, device.key, device.uid, 1))
        await asyncio.to_thread(story.apply, device)
        decided = time.monotonic()
        await waiting
        seconds.append(time.monotonic() - decided)
    assert sorted(seconds)[2] < 0.3


async def test_a_refusal_is_an_outcome_as_well(story: Story, waiter: OutcomeWaiter) -> None:
    story.apply(a_device())
    assert (await waiter.wait(TENANT, KEY, UID, 1)).reason is Reason.TEMPLATE_NOT_FOUND


async def test_the_outcome_of_an_earlier_resource_of_that_name_does_not_count(
    url: URL, reader: RegistryReader, story: Story
) -> None:
    story.apply(a_template(), a_device())
    async with OutcomeWaiter(reader, 0.2) as waiter:
        with pytest.raises(TimeoutError):
            await waiter.wait(TENANT, KEY, "another uid", 1)


async def test_a_deletion_is_waited_for(story: Story, waiter: OutcomeWaiter) -> None:
    story.apply(a_template(), a_device())
    waiting = asyncio.create_task(waiter.wait_gone(TENANT, KEY, UID))
    await asyncio.to_thread(story.delete, a_device())
    assert await waiting is None


async def test_a_deletion_that_is_held_up_is_told(story: Story, waiter: OutcomeWaiter) -> None:
    story.apply(a_template(), a_device())
    waiting = asyncio.create_task(waiter.wait_gone(TENANT, a_template().key, a_template().uid))
    await asyncio.to_thread(story.delete, a_template())
    held = await waiting
    assert held is not None
    assert held.reason is Reason.IN_USE


async def test_a_deletion_that_the_budget_holds_is_told(story: Story, waiter: OutcomeWaiter) -> None:
    story.reconciler = Reconciler(story.registry, story.clock, DeletionBudget(count=1))
    story.apply(a_template(), a_device("first"), a_device())
    waiting = asyncio.create_task(waiter.wait_gone(TENANT, KEY, UID))
    await asyncio.to_thread(story.delete, a_device("first"), a_device())
    held = await waiting
    assert held is not None
    assert held.reason is Reason.DELETION_HELD


async def test_waiting_goes_on_over_a_lost_connection(url: URL, story: Story, waiter: OutcomeWaiter) -> None:
    story.apply(a_template())
    await waiter.wait(TENANT, a_template().key, a_template().uid, 1)
    waiting = asyncio.create_task(waiter.wait(TENANT, KEY, UID, 1))
    await asyncio.to_thread(cut_all_connections_of_the_facade, url)
    await asyncio.to_thread(story.apply, a_device())
    assert (await waiting).registered


async def test_a_registry_that_is_away_is_told_from_one_that_is_slow(url: URL) -> None:
    nowhere = url.set(host="127.0.0.1", port=1)
    async with RegistryReader(nowhere) as reader, OutcomeWaiter(reader, 0.3) as waiter:
        with pytest.raises(RegistryUnavailable):
            await waiter.ready()
        assert not waiter.available


async def test_an_operator_that_leads_is_seen_and_one_that_ends_is_missed(
    registry: PostgresRegistry, reader: RegistryReader
) -> None:
    async with OutcomeWaiter(reader, 5) as waiter:
        await waiter.ready()
        registry.close()
        await until(lambda: not waiter.at_work)
        registry.lead("the next one")
        await waiter.ready()


async def test_nobody_at_work_is_told_after_a_while(url: URL, reader: RegistryReader) -> None:
    async with OutcomeWaiter(reader, 0.2) as waiter:
        with pytest.raises(OperatorUnavailable):
            await waiter.ready()
        assert waiter.available


async def test_an_operator_is_seen_again_after_its_session_was_cut(
    url: URL, registry: PostgresRegistry, reader: RegistryReader
) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"))
    engine.dispose()
    assert not await reader.operator_at_work()
    registry.ping()
    assert await reader.operator_at_work()


def cut_all_connections_of_the_facade(url: URL) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'device-manager-api' AND datname = current_database()"
            )
        )
    engine.dispose()
