"""The operator without kopf: its real parts between an API server, a registry and a Kafka in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager

from device_operator.circuit import REGISTRY, Circuit, in_thread
from device_operator.program import Program
from device_registry.dispatch import Delivery
from device_registry.domain.errors import BrokerUnavailable, Fenced, RegistryUnavailable
from device_registry.domain.events import Recorded
from device_registry.domain.model import Key, Tenant
from device_registry.memory import MemoryRegistry
from device_registry.memory.transaction import MemoryTransaction
from device_registry.settings import Settings

from .cluster import MemoryCluster


class Broker:
    """Takes every event, or none while it is `away`."""

    def __init__(self) -> None:
        self.away = False
        self.taken: list[Recorded] = []

    def send(self, events: Sequence[Recorded]) -> Mapping[int, Delivery]:
        if self.away:
            raise BrokerUnavailable
        self.taken.extend(events)
        return {one.id: Delivery(sent=True) for one in events}

    def held(self) -> frozenset[Tenant]:
        return frozenset()

    def close(self) -> None:
        """Nothing to release."""


class Database(MemoryRegistry):
    """A registry in memory that can be away."""

    away = False

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        self.ping()
        with super().transaction() as transaction:
            yield transaction

    def ping(self) -> None:
        if self.away:
            raise RegistryUnavailable


class Operating:
    """What a test may look at and do."""

    def __init__(self, **settings: object) -> None:
        self.cluster = MemoryCluster()
        self.database = Database()
        self.database.lead("test")
        self.broker = Broker()
        self.fenced: list[Fenced] = []
        self.executor = ThreadPoolExecutor(2)
        self.circuit = Circuit(in_thread(self.database.ping), REGISTRY, check_seconds=0.01)
        self.program = Program(
            Settings.model_validate({"WORKERS": 4, "BATCH_LINGER_MS": 0, **settings}),
            (self.database, self.broker, self.cluster),
            self.circuit,
            self.executor,
            self.fenced.append,
        )
        self.program.intake.lead()
        self.cluster.listeners.append(self.program.intake.resource_seen)

    async def until(self, look: Callable[[], object], what: str = "") -> None:
        """Wait until the answer is true; the relay sends meanwhile."""
        async with asyncio.timeout(10):
            while not look():
                await asyncio.to_thread(self.program.relay.step)
                await asyncio.sleep(0.005)

    async def settled(self) -> None:
        """Wait until nothing is left to do."""
        queue = self.program.queue
        await self.until(lambda: not (queue.depth or queue.in_hand), "settled")

    async def shows(self, key: Key, condition: str, status: str, reason: str = "") -> None:
        """Wait until a condition stands so."""

        def look() -> bool:
            found = self.cluster.condition(key, condition) if key in self.cluster.objects else None
            return found is not None and found[0] == status and reason in {"", found[1]}

        await self.until(look, f"{key} {condition}={status} {reason}")

    def events(self) -> list[tuple[str, str, int]]:
        """What Kafka has: type, subject, sequence."""
        return [(one.event.type, one.event.subject, one.sequence) for one in self.broker.taken]


@asynccontextmanager
async def operating(**settings: object) -> AsyncIterator[Operating]:
    """A running operator; at the end it is stopped hard, as by a crash."""
    it = Operating(**settings)
    running = [asyncio.create_task(one) for one in (*it.program.background(), it.circuit.run())]
    try:
        yield it
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        it.executor.shutdown()
