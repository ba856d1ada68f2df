"""Asks many slow questions at once, in threads, so that nobody waits for somebody else's answer.

The Kafka adapter looks so for the topics of tenants that are new to it.
"""

from collections.abc import Callable, Collection, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

THREADS = 32
"""Questions at a time. They wait for others and hardly cost anything."""


class Lookups(Generic[K]):
    """One question for each key at a time. For one thread that asks."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="lookup")
        self._open: dict[K, Future[object]] = {}

    @property
    def under_way(self) -> frozenset[K]:
        """Keys whose answer has not come yet."""
        return frozenset(key for key, future in self._open.items() if not future.done())

    def ask(
        self, keys: Collection[K], question: Callable[[K], object], seconds: float
    ) -> dict[K, Exception | None]:
        """Ask about these keys, unless that is under way already, and wait so long for the answers.

        None stands for success. What has not ended is absent, and to be asked for again later.
        """
        for key in keys:
            if key not in self._open:
                self._open[key] = self._pool.submit(question, key)
        ended, _ = wait([self._open[key] for key in keys], seconds)
        return {key: _outcome(self._open.pop(key)) for key in keys if self._open[key] in ended}

    def forget(self) -> None:
        """Drop all open questions; those that are being asked end by themselves."""
        for future in self._open.values():
            future.cancel()
        self._open.clear()

    def close(self) -> None:
        """Ask nothing any more."""
        self.forget()
        self._pool.shutdown(wait=False, cancel_futures=True)


def _outcome(future: Future[object]) -> Exception | None:
    error = future.exception()
    if error is not None and not isinstance(error, Exception):
        raise error
    return error
