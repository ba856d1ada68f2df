"""Databases for tests: empty ones, and ones with the registry's schema."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, create_engine, make_url

from device_registry.registry.migrate import migrate
from device_registry.registry.schema import metadata
from device_registry.registry.writer import PostgresRegistry, make_engine

_MODEL = "registry_model"


class Databases:
    """Makes databases on one server; a copy of a migrated one is made faster than it could be migrated."""

    def __init__(self, server: str) -> None:
        self._server = make_url(server).set(drivername="postgresql+psycopg2")
        self._numbers = itertools.count(1)
        self._has_model = False

    def empty(self) -> URL:
        return self._create(f"empty_{next(self._numbers)}")

    def registry(self) -> URL:
        if not self._has_model:
            migrated(self._create(_MODEL))
            self._has_model = True
        return self._create(f"registry_{next(self._numbers)}", f"TEMPLATE {_MODEL}")

    def _create(self, name: str, options: str = "") -> URL:
        engine = create_engine(self._server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} {options}")
        engine.dispose()
        return self._server.set(database=name)


def migrated(url: URL) -> None:
    engine = make_engine(url)
    migrate(engine)
    engine.dispose()


@contextmanager
def registry_on(url: URL) -> Iterator[PostgresRegistry]:
    """The registry on that database, emptied."""
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY")
    engine.dispose()
    with registry_as_it_is(url) as registry:
        yield registry


@contextmanager
def registry_as_it_is(url: URL) -> Iterator[PostgresRegistry]:
    """The registry on that database, with what is in it."""
    registry = PostgresRegistry(make_engine(url))
    try:
        yield registry
    finally:
        registry.close()
