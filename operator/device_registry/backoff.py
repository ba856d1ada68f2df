"""When to try again: growing pauses with jitter, for one thing (`Backoff`) or for many (`Holds`).

The relay and the adapters that talk to remote systems use it; nothing here sleeps.
"""

import random
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Backoff:
    """Pauses that double up to a limit, shortened at random so that clients do not march in step."""

    def __init__(self, first: float = 0.5, longest: float = 30.0) -> None:
        self._first = first
        self._longest = longest
        self._base = first

    def next(self) -> float:
        """The pause after one more failure in seconds: at least `first`, at most `longest`."""
        base, self._base = self._base, min(self._longest, self._base * 2)
        return random.uniform(max(self._first, base / 2), base)  # noqa: S311 - spreads load, keeps no secret

    def reset(self) -> None:
        """It worked: the next failure begins with the shortest pause again."""
        self._base = self._first


class Holds(Generic[K]):
    """Keys that failed lately and are left alone until their pause is over."""

    def __init__(self, longest: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._longest = longest
        self._clock = clock
        self._backoffs: dict[K, Backoff] = {}
        self._until: dict[K, float] = {}

    def __contains__(self, key: K) -> bool:
        return self._clock() < self._until.get(key, 0.0)

    def active(self) -> frozenset[K]:
        """The keys that are left alone now."""
        now = self._clock()
        return frozenset(key for key, until in self._until.items() if now < until)

    def fail(self, key: K) -> bool:
        """Leave the key alone for a while; answers whether it was well before."""
        first = key not in self._backoffs
        pause = self._backoffs.setdefault(key, Backoff(longest=self._longest)).next()
        self._until[key] = self._clock() + pause
        return first

    def succeed(self, key: K) -> bool:
        """It worked; answers whether the key had failed before."""
        self._until.pop(key, None)
        return self._backoffs.pop(key, None) is not None
