"""When the operator ends because a part of it has."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from device_operator.lifecycle import Lifecycle
from device_registry.domain.errors import Fenced
from device_registry.settings import Settings


async def _ended(part: Coroutine[Any, Any, None], *, cancelled: bool = False) -> asyncio.Task[None]:
    task = asyncio.create_task(part)
    if cancelled:
        task.cancel()
    await asyncio.wait([task])
    return task


async def _fails(error: Exception) -> None:
    raise error


@pytest.fixture
def lifecycle() -> Lifecycle:
    return Lifecycle(Settings())


async def test_a_part_that_dies_by_a_bug_ends_the_operator(lifecycle: Lifecycle) -> None:
    lifecycle._on_death(await _ended(_fails(ZeroDivisionError())))
    assert (lifecycle._stop.is_set(), lifecycle._exit_code) == (True, 1)


async def test_a_part_that_somebody_cancels_ends_the_operator(lifecycle: Lifecycle) -> None:
    lifecycle._on_death(await _ended(asyncio.sleep(60), cancelled=True))
    assert (lifecycle._stop.is_set(), lifecycle._exit_code) == (True, 1)


async def test_what_is_cancelled_when_the_operator_stops_is_no_death(lifecycle: Lifecycle) -> None:
    lifecycle._stop.set()
    lifecycle._on_death(await _ended(asyncio.sleep(60), cancelled=True))
    assert lifecycle._exit_code == 0


async def test_a_part_that_has_done_its_work_ends_nothing(lifecycle: Lifecycle) -> None:
    lifecycle._on_death(await _ended(asyncio.sleep(0)))
    assert not lifecycle._stop.is_set()


async def test_a_part_that_is_fenced_ends_the_operator(lifecycle: Lifecycle) -> None:
    lifecycle._on_death(await _ended(_fails(Fenced())))
    assert (lifecycle._stop.is_set(), lifecycle._exit_code) == (True, 1)
