"""The registry's state, shared by everybody who needs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Event

import pytest
from structlog.testing import capture_logs

from device_operator.circuit import API_SERVER, REGISTRY, Circuit, in_thread
from device_registry.domain.errors import ClusterUnavailable, RegistryUnavailable
from tests.support.until import until


class Postgres:
    away = False
    asked = 0

    def ping(self) -> None:
        self.asked += 1
        if self.away:
            raise RegistryUnavailable


@asynccontextmanager
async def watched(postgres: Postgres) -> AsyncIterator[Circuit]:
    circuit = Circuit(in_thread(postgres.ping), REGISTRY, check_seconds=0.01)
    task = asyncio.create_task(circuit.run())
    try:
        yield circuit
    finally:
        task.cancel()


async def test_an_outage_is_noticed_without_any_work() -> None:
    postgres = Postgres()
    async with watched(postgres) as circuit:
        postgres.away = True
        await until(lambda: not circuit.available)


async def test_everybody_goes_on_when_the_registry_is_back() -> None:
    postgres = Postgres()
    postgres.away = True
    async with watched(postgres) as circuit, asyncio.timeout(5):
        circuit.open(RegistryUnavailable())
        waiting = [asyncio.create_task(circuit.closed()) for _ in range(3)]
        postgres.away = False
        assert all(await asyncio.gather(*waiting))


async def test_waiting_has_an_end_if_somebody_wants_one() -> None:
    circuit = Circuit(in_thread(Postgres().ping), REGISTRY)
    circuit.open(RegistryUnavailable())
    assert not await circuit.closed(0.01)


async def test_an_outage_makes_one_line_when_it_begins_and_one_when_it_ends() -> None:
    postgres = Postgres()
    postgres.away = True
    with capture_logs() as lines:
        async with watched(postgres) as circuit:
            for _ in range(5):
                circuit.open(RegistryUnavailable())
            await until(lambda: postgres.asked >= 3)
            postgres.away = False
            await until(lambda: circuit.available)
    assert [line["event"] for line in lines] == [
        "the registry is away, work waits for it",
        "the registry is back, work goes on",
    ]


async def test_a_failure_that_is_no_outage_stops_everybody_for_a_moment_and_is_not_told() -> None:
    postgres = Postgres()
    with capture_logs() as lines:
        async with watched(postgres) as circuit, asyncio.timeout(5):
            assert not await circuit.outlasted(RegistryUnavailable("only this request"))
    assert lines == []


async def test_who_met_an_outage_hears_that_it_was_one() -> None:
    postgres = Postgres()
    postgres.away = True
    async with watched(postgres) as circuit, asyncio.timeout(5):
        waiting = asyncio.create_task(circuit.outlasted(RegistryUnavailable()))
        await until(lambda: postgres.asked >= 2)
        postgres.away = False
        assert await waiting


async def test_who_asks_to_be_left_alone_is_left_alone_so_long() -> None:
    postgres = Postgres()
    async with watched(postgres) as circuit:
        await until(lambda: postgres.asked >= 1)
        circuit.open(RegistryUnavailable(retry_after=600))
        asked = postgres.asked
        assert not await circuit.closed(0.2)
        assert postgres.asked <= asked + 1


async def test_work_that_goes_on_failing_while_the_other_side_answers_is_slowed_down_and_told_once() -> None:
    api_server = Postgres()
    circuit = Circuit(in_thread(api_server.ping), API_SERVER, check_seconds=0.05)
    task = asyncio.create_task(circuit.run())
    with capture_logs() as lines:
        for _ in range(6):
            assert not await circuit.outlasted(ClusterUnavailable("writes fail"))
    assert [(line["event"], line["error"]) for line in lines] == [
        ("the API server answers, but requests fail again and again", "writes fail")
    ]
    task.cancel()


async def test_an_answer_that_never_comes_is_an_outage_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device_operator.circuit.PROBE_SECONDS", 0.01)
    postgres, answer = Postgres(), Event()

    def hang() -> None:
        postgres.ping()
        answer.wait(30)

    circuit = Circuit(in_thread(hang), REGISTRY, check_seconds=0.01)
    task = asyncio.create_task(circuit.run())
    await until(lambda: not circuit.available)
    await asyncio.sleep(0.1)
    assert postgres.asked == 1, "a question that was not answered is not asked by another thread"
    answer.set()
    await until(lambda: circuit.available)
    task.cancel()
