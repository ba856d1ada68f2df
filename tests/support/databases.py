"""Backups of a database, as an administrator takes and restores them; nobody may be connected meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, create_engine, text


@contextmanager
def copied(engine: Engine) -> Iterator[str]:
    """A copy of the engine's database as it is now; answers its name, and drops it at the end."""
    assert engine.url.database is not None
    name = f"{engine.url.database}_copy"
    _run(engine, f'CREATE DATABASE "{name}" TEMPLATE "{engine.url.database}"')
    try:
        yield name
    finally:
        _run(engine, f'DROP DATABASE IF EXISTS "{name}"')


def replaced(engine: Engine, copy: str) -> None:
    """Put a copy in the place of the engine's database."""
    _run(engine, f'DROP DATABASE "{engine.url.database}"')
    _run(engine, f'CREATE DATABASE "{engine.url.database}" TEMPLATE "{copy}"')


def _run(engine: Engine, statement: str) -> None:
    engine.dispose()
    keeper = create_engine(engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with keeper.connect() as connection:
            connection.execute(text(statement))
    finally:
        keeper.dispose()
