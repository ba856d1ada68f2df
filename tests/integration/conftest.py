"""What tests on a real registry start from; where one needs another, it makes its own."""

from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from device_registry.registry.writer import PostgresRegistry
from tests.support.postgres import Databases, registry_on


@pytest.fixture(scope="module")
def url(databases: Databases) -> URL:
    """Return a database with the registry's schema."""
    return databases.registry()


@pytest.fixture
def registry(url: URL) -> Iterator[PostgresRegistry]:
    """An empty registry whose lead is taken."""
    with registry_on(url) as registry:
        registry.lead("the test")
        yield registry
