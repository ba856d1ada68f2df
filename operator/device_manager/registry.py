"""The registry as commands use it: an overview to read, and transactions to write with."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from device_registry.ports import Transaction
from device_registry.registry.intervention import intervention
from device_registry.registry.migrate import check_current
from device_registry.registry.overview import Overview
from device_registry.registry.writer import make_engine

from . import terminal


@dataclass(frozen=True, slots=True)
class Registry:
    """An open registry. Whatever is asked of it may raise RegistryUnavailable."""

    engine: Engine

    @property
    def overview(self) -> Overview:
        """For reading."""
        return Overview(self.engine)

    def transaction(self, *, keep: bool = True) -> AbstractContextManager[Transaction]:
        """For writing, whoever leads; with `keep` False only to see what would be written."""
        return intervention(self.engine, keep=keep)


@contextmanager
def opened() -> Iterator[Registry]:
    """The registry that the environment names; raises SchemaOutdated when this version cannot read it."""
    engine = make_engine(terminal.settings().registry_url)
    try:
        check_current(engine)
        yield Registry(engine)
    finally:
        engine.dispose()
