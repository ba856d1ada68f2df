"""How the parts of the operator run in the background, and how they are stopped. `lifecycle` calls these."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog

from device_registry.relay import Relay

from .program import Program

log = structlog.get_logger()

DRAIN_SECONDS = 10.0
"""How long a stop may take: what is in hand is settled, what is not is found again at the next start."""
RELAY_SECONDS = 5.0
"""How long the relay may take to end its round."""


@asynccontextmanager
async def tasks(
    coroutines: Sequence[Coroutine[Any, Any, None]], ended: Callable[[asyncio.Task[None]], None]
) -> AsyncIterator[None]:
    """Run these in the background, and cancel them at the end. `ended` hears of each that ends."""
    tasks = [asyncio.create_task(one) for one in coroutines]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def relay_thread(relay: Relay, fenced: Callable[[], None]) -> AsyncIterator[threading.Thread]:
    """A thread for the relay, not started yet; at the end it finishes its round, for a while.

    `fenced` is called in the event loop when the relay ends because another operator leads.
    """
    flag, loop = threading.Event(), asyncio.get_running_loop()

    def run() -> None:
        relay.run(flag)
        if relay.fenced:
            loop.call_soon_threadsafe(fenced)

    thread = threading.Thread(target=run, name="relay", daemon=True)
    try:
        yield thread
    finally:
        flag.set()
        if thread.is_alive():
            await asyncio.to_thread(thread.join, RELAY_SECONDS)


async def drain(program: Program) -> None:
    """Give out no more work, and wait for what is in hand."""
    program.queue.close()
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await program.queue.drained()
    except TimeoutError:
        log.warning("stopping with work in hand", resources=program.queue.in_hand)


def calm_garbage_collector() -> None:
    """Most objects here die young or never; collecting less often saves a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
