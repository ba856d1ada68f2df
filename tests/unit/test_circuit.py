"""The registry's state, shared by everybody who needs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from structlog.testing import capture_logs

from device_operator.circuit import Circuit
from device_registry.domain.errors import RegistryUnavailable
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
    circuit = Circuit(postgres.ping, check_seconds=0.01)
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
    circuit = Circuit(Postgres().ping)
    circuit.open(RegistryUnavailable())
    assert not await circuit.closed(0.01)


async def test_an_outage_makes_one_line_when_it_begins_and_one_when_it_ends() -> None:
    postgres = Postgres()
    postgres.away = True
    with capture_logs() as lines:
        async with watched(postgres) as circuit:
            for _ in range(5):
                circuit.open(RegistryUnavailable())
            postgres.away = False
            await until(lambda: circuit.available)
    assert [line["event"] for line in lines] == [
        "the registry is away, work waits for it",
        "the registry is back, work goes on",
    ]
