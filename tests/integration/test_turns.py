"""What must not be done twice at once to a tenant is done one after another, by whichever process."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, text

from device_registry.domain.errors import Contended, RegistryUnavailable
from device_registry.domain.model import Tenant
from device_registry.registry.reader import RegistryReader
from device_registry.registry.turns import Matter, Turns

ACME, OTHER = Tenant("acme"), Tenant("other")
AT_ONCE = 0.05
"""Seconds: long enough to be told that somebody else is at work."""

END_THE_SESSION = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@pytest.fixture
async def turns(url: URL) -> AsyncIterator[Turns]:
    async with RegistryReader(url) as reader:
        yield Turns(reader)


async def test_nobody_else_is_in_the_block(turns: Turns) -> None:
    inside, most = 0, 0

    async def work() -> None:
        nonlocal inside, most
        async with turns.take(ACME, patience=10):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.02)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(5)))
    assert most == 1


async def test_who_waits_within_one_process_keeps_no_session(
    url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with RegistryReader(url) as reader:
        turns, opened, connect = Turns(reader), [0], reader.connect

        async def counted() -> Any:
            opened[0] += 1
            return await connect()

        monkeypatch.setattr(reader, "connect", counted)
        async with turns.take(ACME, patience=10):
            waiting = [asyncio.create_task(_enter(turns, patience=AT_ONCE)) for _ in range(30)]
            ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(one) for one in ended} == {Contended}
        assert opened == [1]


async def _enter(turns: Turns, patience: float) -> None:
    async with turns.take(ACME, patience):
        pass


async def test_who_waits_for_too_long_is_told(turns: Turns) -> None:
    async with turns.take(ACME, patience=10):
        with pytest.raises(Contended, match="somebody else's turn"):
            async with turns.take(ACME, patience=AT_ONCE):
                pytest.fail("two at once")
    async with turns.take(ACME, patience=AT_ONCE):
        pass


async def test_tenants_do_not_wait_for_each_other(turns: Turns) -> None:
    async with turns.take(ACME, patience=10), turns.take(OTHER, patience=AT_ONCE):
        pass


async def test_matters_do_not_wait_for_each_other(turns: Turns) -> None:
    async with turns.take(ACME, 10), turns.take(ACME, AT_ONCE, Matter.TEMPLATES):
        with pytest.raises(Contended):
            async with turns.take(ACME, AT_ONCE, Matter.TEMPLATES):
                raise AssertionError


async def test_a_turn_ends_also_when_the_work_fails(turns: Turns) -> None:
    with pytest.raises(LookupError):
        async with turns.take(ACME, patience=10):
            raise LookupError
    async with turns.take(ACME, patience=AT_ONCE):
        pass


async def test_a_turn_whose_session_is_lost_is_free_for_others(url: URL, turns: Turns) -> None:
    engine = create_engine(url)
    async with RegistryReader(url) as another, turns.take(ACME, patience=10):
        with engine.begin() as connection:
            connection.execute(text(END_THE_SESSION))
        async with Turns(another).take(ACME, patience=10):
            pass
    engine.dispose()


async def test_a_registry_that_is_away_is_told_as_such() -> None:
    nowhere = URL.create("postgresql", host="127.0.0.1", port=1, database="none")
    async with RegistryReader(nowhere) as reader:
        with pytest.raises(RegistryUnavailable):
            async with Turns(reader).take(ACME, patience=AT_ONCE):
                pytest.fail("no lock was taken")
