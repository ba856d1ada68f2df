"""The batcher: many requests, few transactions."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import pytest

from device_operator.batcher import Batcher, Limits
from device_registry.domain.errors import RegistryUnavailable

Function = Callable[[list[int]], list[int]]


def batching(
    function: Function, rows: int = 10, linger: float = 0.05
) -> AbstractAsyncContextManager[Batcher[int, int]]:
    return batching_within(function, Limits(rows=rows, linger=linger))


@asynccontextmanager
async def batching_within(function: Function, limits: Limits) -> AsyncIterator[Batcher[int, int]]:
    with ThreadPoolExecutor() as executor:
        batcher = Batcher(function, executor, limits)
        task = asyncio.create_task(batcher.run())
        try:
            yield batcher
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


class Recording:
    """Doubles numbers and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        return [item * 2 for item in items]


async def test_requests_that_come_together_share_a_batch_and_get_their_own_answers() -> None:
    double = Recording()
    async with batching(double) as batcher:
        assert await asyncio.gather(*map(batcher.submit, range(5))) == [0, 2, 4, 6, 8]
    assert double.batches == [[0, 1, 2, 3, 4]]


async def test_a_batch_is_never_larger_than_its_limit() -> None:
    double = Recording()
    async with batching(double, rows=3) as batcher:
        await asyncio.gather(*map(batcher.submit, range(7)))
    assert [len(batch) for batch in double.batches] == [3, 3, 1]


async def test_a_batch_does_not_wait_when_nobody_else_can_come() -> None:
    double = Recording()
    limits = Limits(rows=10, linger=60, company=lambda: 2)
    async with batching_within(double, limits) as batcher, asyncio.timeout(5):
        assert await asyncio.gather(*map(batcher.submit, (1, 2))) == [2, 4]
    assert double.batches == [[1, 2]]


async def test_a_full_batch_does_not_wait_for_company() -> None:
    async with batching(Recording(), rows=2, linger=60) as batcher, asyncio.timeout(5):
        assert await asyncio.gather(*map(batcher.submit, (1, 2))) == [2, 4]


async def test_a_lonely_request_waits_only_as_long_as_it_may() -> None:
    async with batching(Recording(), linger=0.01) as batcher, asyncio.timeout(5):
        assert await batcher.submit(1) == 2


async def test_while_a_batch_is_written_the_next_one_collects_and_only_one_is_written_at_a_time() -> None:
    began, go_on, at_once = threading.Event(), threading.Event(), []
    double = Recording()

    def slowly(items: list[int]) -> list[int]:
        at_once.append(began.is_set() and not go_on.is_set())
        began.set()
        go_on.wait(5)
        return double(items)

    async with batching(slowly, linger=0) as batcher:
        first = asyncio.create_task(batcher.submit(1))
        await asyncio.to_thread(began.wait, 5)
        others = [asyncio.create_task(batcher.submit(number)) for number in (2, 3)]
        await asyncio.sleep(0)
        go_on.set()
        assert await asyncio.gather(first, *others) == [2, 4, 6]
    assert double.batches == [[1], [2, 3]]
    assert not any(at_once)


async def test_an_error_reaches_everybody_in_the_batch_and_the_next_batch_works() -> None:
    double = Recording()

    def fail_once(items: list[int]) -> list[int]:
        if not double.batches:
            double(items)
            raise RegistryUnavailable
        return double(items)

    async with batching(fail_once) as batcher:
        answers = await asyncio.gather(*map(batcher.submit, range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [RegistryUnavailable] * 3
        assert await batcher.submit(4) == 8


async def test_a_waiter_that_gave_up_does_not_harm_the_others() -> None:
    async with batching(Recording(), linger=0.05) as batcher:
        gone = asyncio.create_task(batcher.submit(1))
        await asyncio.sleep(0)
        other = asyncio.create_task(batcher.submit(2))
        gone.cancel()
        assert await other == 4
        with pytest.raises(asyncio.CancelledError):
            await gone
