"""Turns many single requests into few transactions. Workers submit, a writer thread runs the batch."""

import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

from . import metrics

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large and how late a batch may get."""

    rows: int
    """Items in one batch at the most."""
    linger: float
    """Seconds that the first item of a batch waits for company."""
    company: Callable[[], int] = lambda: sys.maxsize
    """How many items there can be at the most now: when all of them have come, nobody waits for more."""


class Batcher(Generic[In, Out]):
    """Collects items while the batch before is being written; one batch is in flight at a time.

    `function` gets the items of a batch in a thread of `executor` and answers in their order. What it
    raises goes to everybody in that batch.
    """

    def __init__(
        self, function: Callable[[list[In]], Sequence[Out]], executor: Executor, limits: Limits
    ) -> None:
        self._function = function
        self._executor = executor
        self._limits = limits
        self._items: deque[tuple[In, asyncio.Future[Out], float]] = deque()
        self._arrived = asyncio.Event()

    async def submit(self, item: In) -> Out:
        """Wait for the answer to this item. Raises what the batch that it was in raised."""
        answer: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
        self._items.append((item, answer, time.monotonic()))
        self._arrived.set()
        return await answer

    async def run(self) -> None:
        """Write batches until cancelled."""
        while True:
            await self._gather()
            await self._write(
                [self._items.popleft() for _ in range(min(len(self._items), self._limits.rows))]
            )

    async def _gather(self) -> None:
        """Return when the batch is full, everybody is there, or its first item has waited long enough."""
        while (pause := self._pause()) != 0:
            self._arrived.clear()
            try:
                async with asyncio.timeout(pause):
                    await self._arrived.wait()
            except TimeoutError:
                return

    def _pause(self) -> float | None:
        """Seconds to wait for more; 0 when it is time, None while there is nothing at all."""
        if not self._items:
            return None
        if len(self._items) >= min(self._limits.rows, self._limits.company()):
            return 0
        return max(0.0, self._items[0][2] + self._limits.linger - time.monotonic())

    async def _write(self, batch: list[tuple[In, asyncio.Future[Out], float]]) -> None:
        metrics.BATCH_ROWS.observe(len(batch))
        loop = asyncio.get_running_loop()
        try:
            with metrics.BATCH_SECONDS.time():
                answers = await loop.run_in_executor(
                    self._executor, self._function, [item for item, _, _ in batch]
                )
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait, whatever it is
            self._fail(batch, error)
        else:
            for (_, future, _), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    def _fail(self, batch: list[tuple[In, asyncio.Future[Out], float]], error: Exception) -> None:
        for _, future, _ in batch:
            if not future.done():
                future.set_exception(error)
