"""What is going on, for the person who waits: a live line on a terminal, a plain line per step otherwise.

Used by everything that may take longer than a second: builds, downloads, starts.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Reporter(Protocol):
    """Told about each step."""

    def step(self, text: str, usually: str = "") -> AbstractContextManager[None]:
        """Say that `text` begins and how long it takes as a rule; the end is said when the block ends."""


class Silent:
    """Says nothing: tests have their own output."""

    @contextmanager
    def step(self, text: str, usually: str = "") -> Iterator[None]:  # noqa: ARG002 - it says nothing
        """Run the block."""
        yield


class Terminal:
    """Says each step on a console: live where somebody watches, else a line at its begin and its end."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, text: str, usually: str = "") -> Iterator[None]:
        """Run the block and say how long it took."""
        began = time.monotonic()
        hint = f" (usually {usually})" if usually else ""
        if self._console.is_terminal:
            with self._live() as progress:
                progress.add_task(text + hint, total=None)
                yield
        else:
            self._console.print(f"{text}{hint} ...", highlight=False)
            yield
        self._console.print(
            f"[green]done[/] {text} [dim]{time.monotonic() - began:.1f} s[/]", highlight=False
        )

    def _live(self) -> Progress:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        return Progress(*columns, console=self._console, transient=True)
