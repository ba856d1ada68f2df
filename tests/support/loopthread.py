"""An event loop in a thread of its own: what the proxies of the fault tests run in, beside blocking tests."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from .loops import TidyLoop

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds for one call: the loop only passes bytes on, so it is never busy for long."""


class LoopThread:
    """Runs coroutines for a thread that has no loop."""

    def __init__(self, name: str) -> None:
        self._loop = TidyLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it in the loop and wait for its answer; what it raises comes here."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def close(self) -> None:
        """Cancel what still runs, end the thread, and abort what is still connected."""
        self.call(_cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


async def _cancel_all() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
