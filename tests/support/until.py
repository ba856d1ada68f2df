"""Waiting for a condition inside the event loop that brings it about."""

import asyncio
from collections.abc import Callable


async def until(look: Callable[[], object], *, within: float = 10.0) -> None:
    """Look again and again until the answer is true. Raises TimeoutError after `within` seconds."""
    async with asyncio.timeout(within):
        while not look():  # noqa: ASYNC110 - what is waited for does not tell anybody
            await asyncio.sleep(0.002)
