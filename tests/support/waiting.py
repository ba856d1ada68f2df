"""Waiting for a condition instead of sleeping: for tests that watch something real."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], *, within: float = 20.0, what: str = "") -> T:
    """Look again and again until the answer is true (not empty, not None); answers it.

    Raises AssertionError with the last answer after `within` seconds.
    """
    deadline = time.monotonic() + within
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what or look} did not come within {within} s; last: {seen!r}"
        time.sleep(0.02)
    return seen
