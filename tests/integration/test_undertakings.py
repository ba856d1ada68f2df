"""What a request has begun is ended, or undone by whoever comes by: never both, never neither."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from sqlalchemy import URL, create_engine, text

from device_registry.domain.model import Key, Kind
from device_registry.registry.reader import RegistryReader
from device_registry.registry.undertakings import Undertaking, Undertakings
from tests.support.faultproxy import FaultProxy
from tests.support.until import until

_T = TypeVar("_T")

MINE = Undertaking("mine", (Key(Kind.DEVICE, "acme", "device-1"), Key(Kind.TEMPLATE, "acme", "template-2")))


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


def stored(url: URL) -> list[tuple[str, bool]]:
    """What is noted: resources, and whether it is being undone."""
    engine = create_engine(url)
    with engine.begin() as connection:
        found = connection.execute(text("SELECT resources, undoing FROM undertaking"))
        rows = [(row.resources, row.undoing) for row in found]
    engine.dispose()
    return rows


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


# --- connections that break -----------------------------------------------------------------------------


@pytest.fixture
def proxy(url: URL) -> Iterator[FaultProxy]:
    """What stands between a facade and Postgres."""
    assert url.port is not None
    with FaultProxy(url.port) as proxy:
        yield proxy


@pytest.fixture
async def far(
    url: URL, undertakings: Undertakings, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Undertakings]:
    """The same table by way of the proxy, over one connection that is open."""
    monkeypatch.setattr("device_registry.registry.statements._CONNECTIONS", 1)
    async with RegistryReader(url.set(host="127.0.0.1", port=proxy.port)) as reader:
        await reader.ping()
        yield Undertakings(reader)


async def repeated(url: URL, proxy: FaultProxy, call: Coroutine[Any, Any, _T]) -> _T:
    """The result of a call that was carried out when the connection broke, before it was answered."""
    before = stored(url)
    proxy.mute()
    task = asyncio.create_task(call)
    await until(lambda: stored(url) != before)
    proxy.heal()
    return await task


async def test_what_is_begun_twice_because_the_answer_was_lost_is_begun_once(
    url: URL, far: Undertakings, proxy: FaultProxy
) -> None:
    await repeated(url, proxy, far.begin(MINE))
    assert len(stored(url)) == 1
    assert await far.end("mine")


async def test_what_is_ended_twice_because_the_answer_was_lost_is_ended_and_not_undone(
    url: URL, far: Undertakings, proxy: FaultProxy
) -> None:
    await far.begin(MINE)
    assert await repeated(url, proxy, far.end("mine"))
    assert stored(url) == []


async def test_what_others_have_undone_meanwhile_is_not_ended_though_the_connection_broke(
    url: URL, undertakings: Undertakings, far: Undertakings, proxy: FaultProxy
) -> None:
    await far.begin(MINE)
    proxy.cut()
    let_the_lease_end(url)
    assert await undertakings.overdue() == MINE
    await undertakings.undone("mine")
    assert not await far.end("mine")


async def test_what_is_ended_but_not_struck_off_is_not_undone_and_goes(
    url: URL, undertakings: Undertakings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device_registry.registry.undertakings._SQL.strike_off", "SELECT 1/0")
    await undertakings.begin(MINE)
    assert await undertakings.end("mine")
    assert stored(url) != []
    let_the_lease_end(url)
    assert await undertakings.overdue() is None
    assert stored(url) == []
