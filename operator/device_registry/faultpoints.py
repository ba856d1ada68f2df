"""Places where a test may end the process, as `kill -9` or a power cut would: between two effects.

Whoever acts on the outside world passes them: reconcilers, relay, registry. Only when `FAULT_POINT` names one
is anything done: `commit.after@3` ends the process when a transaction has been committed for the third time.
`docs/reliability.md` says what follows from an end at each of them; tests/faults proves it.
"""

import os
import threading
from collections.abc import Mapping
from enum import StrEnum

VARIABLE = "FAULT_POINT"
EXIT_CODE = 86
"""Of a process that ended at a fault point; no other end has it."""


class Point(StrEnum):
    """An effect on the outside world: just before it, or after it and before anything is noted about it."""

    BEFORE_HOLD = "hold.before"
    AFTER_HOLD = "hold.after"
    BEFORE_COMMIT = "commit.before"
    AFTER_COMMIT = "commit.after"
    BEFORE_SEND = "send.before"
    AFTER_SEND = "send.after"
    BEFORE_MARK = "mark.before"
    AFTER_MARK = "mark.after"
    BEFORE_STATUS = "status.before"
    AFTER_STATUS = "status.after"
    BEFORE_RELEASE = "release.before"
    AFTER_RELEASE = "release.after"


class Fuse:
    """Ends the process when its point is reached for the last of so many times. Any thread may use it."""

    def __init__(self, wanted: str) -> None:
        """Take `point` or `point@times`, or nothing. Raises ValueError for what is neither."""
        name, _, times = wanted.partition("@")
        self._point = Point(name) if name else None
        self._left = int(times or 1)
        self._lock = threading.Lock()

    def reached(self, point: Point) -> None:
        """Return, or never."""
        if point is not self._point:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os._exit(EXIT_CODE)


def armed(environment: Mapping[str, str]) -> Fuse:
    """The fuse that the environment asks for. Raises ValueError with the name of the variable."""
    wanted = environment.get(VARIABLE, "")
    try:
        return Fuse(wanted)
    except ValueError as error:
        known = ", ".join(Point)
        raise ValueError(
            f"{VARIABLE} is {wanted!r}; it takes one of {known}, with @times or without"
        ) from error


reached = armed(os.environ).reached
