"""Each suite runs on both registries: the one in memory and the one on Postgres."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import URL

from device_registry.dispatch import Outbox, Quarantine
from device_registry.memory import MemoryQuarantine, MemoryRegistry, Store
from device_registry.ports import Registry
from device_registry.registry.outbox import PostgresQuarantine
from device_registry.registry.writer import PostgresRegistry, make_engine
from tests.support.clock import Clock
from tests.support.postgres import Databases, registry_on
from tests.support.story import Story


@dataclass
class Operators:
    """A registry with its outbox, and how to make that of another operator on the same data."""

    registry: Registry
    outbox: Outbox
    quarantine: Quarantine
    another: Callable[[], Registry]


@pytest.fixture(scope="module")
def database(databases: Databases) -> URL:
    return databases.registry()


def _in_memory() -> Iterator[Operators]:
    store = Store()
    registry = MemoryRegistry(store)
    quarantine = MemoryQuarantine(store)
    yield Operators(registry, registry.outbox, quarantine, lambda: MemoryRegistry(store))


def _on_postgres(url: URL) -> Iterator[Operators]:
    engine = make_engine(url)
    second = PostgresRegistry(engine)
    with registry_on(url) as registry:
        yield Operators(registry, registry.outbox, PostgresQuarantine(engine), lambda: second)
    second.close()


@pytest.fixture(params=["memory", "postgres"])
def operators(request: pytest.FixtureRequest) -> Iterator[Operators]:
    if request.param == "memory":
        yield from _in_memory()
    else:
        yield from _on_postgres(request.getfixturevalue("database"))


@pytest.fixture
def registry(operators: Operators) -> Registry:
    """A registry whose lead is taken."""
    operators.registry.lead("the test")
    return operators.registry


@pytest.fixture
def outbox(operators: Operators) -> Outbox:
    return operators.outbox


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def story(registry: Registry, outbox: Outbox, clock: Clock) -> Story:
    return Story(registry, outbox, clock)
