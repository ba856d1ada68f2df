"""A transaction that gave way to another one runs again at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from device_registry.domain.errors import Contended
from device_registry.domain.events import EventType
from device_registry.memory import MemoryRegistry
from device_registry.memory.transaction import MemoryTransaction
from device_registry.reconcile import Reconciler
from tests.support.builders import a_device, a_template
from tests.support.clock import Clock


class Crowded(MemoryRegistry):
    """A registry in which the next transactions lose their way when they commit."""

    losses = 0

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        with super().transaction() as transaction:
            yield transaction
            if self.losses:
                self.losses -= 1
                raise Contended


def test_it_runs_again_and_is_told_once() -> None:
    registry = Crowded()
    registry.lead("test")
    reconciler = Reconciler(registry, Clock())
    reconciler.register_template(a_template())
    registry.losses = 3
    (result,) = reconciler.register_devices([a_device()])
    assert result.outcome.registered
    told = [one.sequence for one in registry.outbox.unsent(10) if one.event.type is EventType.CREATE]
    assert told == [1]


def test_it_gives_up_when_it_always_loses() -> None:
    registry = Crowded()
    registry.lead("test")
    registry.losses = 100
    with pytest.raises(Contended):
        Reconciler(registry, Clock()).register_template(a_template())
    assert registry.outbox.unsent(10) == []
