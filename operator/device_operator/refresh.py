"""Keeps the device counts of templates fresh without a write for each device."""

import asyncio
from collections.abc import Callable, Iterable

from device_registry.domain.model import Key

REFRESH_SECONDS = 10.0
"""How often the counts of a template are written at the most: a bulk apply costs few writes."""
_GATHER_SECONDS = 1.0
"""How long the first change waits for others: devices seldom come alone."""


class Refresh:
    """Collects templates whose devices came, changed or went; looks at each once in a while."""

    def __init__(self, look: Callable[[Key], None], seconds: float = REFRESH_SECONDS) -> None:
        self._look = look
        self._seconds = seconds
        self._touched: set[Key] = set()
        self._news = asyncio.Event()

    def touch(self, templates: Iterable[Key]) -> None:
        """The counts of these templates may have changed."""
        self._touched.update(templates)
        if self._touched:
            self._news.set()

    async def run(self) -> None:
        """Have the touched templates looked at until cancelled."""
        while True:
            await self._news.wait()
            await asyncio.sleep(min(_GATHER_SECONDS, self._seconds))
            self.flush()
            await asyncio.sleep(self._seconds)

    def flush(self) -> None:
        """Have them looked at now."""
        touched, self._touched = self._touched, set()
        self._news.clear()
        for key in sorted(touched):
            self._look(key)
