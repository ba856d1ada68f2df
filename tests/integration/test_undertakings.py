"""What a request has begun is ended, or undone by whoever comes by: never both, never neither."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import URL, create_engine, text

from device_registry.domain.model import Key, Kind
from device_registry.registry.reader import RegistryReader
from device_registry.registry.undertakings import Undertaking, Undertakings
from tests.support.postgres import Databases

MINE = Undertaking("mine", (Key(Kind.DEVICE, "acme", "device-1"), Key(Kind.TEMPLATE, "acme", "template-2")))


@pytest.fixture(scope="module")
def url(databases: Databases) -> URL:
    return databases.registry()


@pytest.fixture
async def undertakings(url: URL) -> AsyncIterator[Undertakings]:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE undertaking"))
    async with RegistryReader(url) as reader:
        yield Undertakings(reader)
    engine.dispose()


def let_the_lease_end(url: URL) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE undertaking SET due = now() - interval '1 second'"))
    engine.dispose()


async def test_what_is_ended_is_never_undone(url: URL, undertakings: Undertakings) -> None:
    await undertakings.begin(MINE)
    assert await undertakings.end("mine")
    let_the_lease_end(url)
    assert await undertakings.overdue() is None


async def test_what_is_being_worked_on_is_left_alone(undertakings: Undertakings) -> None:
    await undertakings.begin(MINE)
    assert await undertakings.overdue() is None
    await undertakings.renew("mine")
    assert await undertakings.overdue() is None
    assert await undertakings.end("mine")


async def test_what_nobody_works_on_any_more_is_undone_by_one(url: URL, undertakings: Undertakings) -> None:
    await undertakings.begin(MINE)
    let_the_lease_end(url)
    found = await asyncio.gather(*(undertakings.overdue() for _ in range(5)))
    assert [one for one in found if one] == [MINE]


async def test_who_comes_back_late_is_told_that_it_was_undone(url: URL, undertakings: Undertakings) -> None:
    await undertakings.begin(MINE)
    let_the_lease_end(url)
    await undertakings.overdue()
    assert not await undertakings.end("mine")
    await undertakings.renew("mine")
    let_the_lease_end(url)
    assert await undertakings.overdue() == MINE
    await undertakings.undone("mine")
    let_the_lease_end(url)
    assert await undertakings.overdue() is None


async def test_what_is_given_up_is_undone_at_once(undertakings: Undertakings) -> None:
    await undertakings.begin(MINE)
    await undertakings.give_up("mine")
    assert await undertakings.overdue() == MINE
    await undertakings.begin(Undertaking("other", MINE.resources), undoing=True)
    assert (await undertakings.overdue() or MINE).id == "other"
