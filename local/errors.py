"""What can go wrong while a platform is put together; each text says what to look at or do next.

The commands print these errors as they are and end with exit code 1.
"""

from pathlib import Path

TAIL = 15
"""Lines of a log that an error shows: enough for a stack trace's head, little enough to be read."""


class PlatformError(Exception):
    """The platform cannot be used; the text says why and what to do."""


class PartFailed(PlatformError):
    """A part did not start, did not become ready or died; shows the end of its log."""

    def __init__(self, part: str, why: str, log: Path) -> None:
        self.part = part
        self.log = log
        super().__init__(f"{part} {why}. The last lines of {log}:\n{tail(log)}")


class BuildFailed(PlatformError):
    """A program could not be obtained; shows the end of what the tool said."""

    def __init__(self, what: str, log: Path) -> None:
        super().__init__(f"{what} could not be built. The last lines of {log}:\n{tail(log)}")


def tail(log: Path, lines: int = TAIL) -> str:
    """Return the last lines of a file, indented; says so when there are none."""
    text = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"    {line}" for line in text[-lines:]) or "    (it is empty)"
