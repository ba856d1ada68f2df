"""What every proof is: a stage, some acts, measurements with the limit that each must keep."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.table import Table

from .stage import Stage
from .tempest import CONVERGENCE_SECONDS

Draw = Callable[[str], object]
LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """One measurement.

    Attributes:
        kept: whether it is within its limit; None if it has none.
    """

    what: str
    how_much: str
    limit: str = ""
    kept: bool | None = None


@dataclass
class Findings:
    """All measurements of one proof."""

    title: str
    found: list[Finding] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether every limit was kept."""
        return all(one.kept is not False for one in self.found)

    def note(self, what: str, how_much: str) -> None:
        """A measurement without a limit."""
        self.found.append(Finding(what, how_much))

    def count(self, what: str, value: int, wanted: int) -> None:
        """A number that must be exactly so."""
        self.found.append(Finding(what, f"{value:,}", f"{wanted:,}", value == wanted))

    def within(self, what: str, value: float | None, limit: float, unit: str = "s") -> None:
        """A number that must not be larger; None is larger than anything."""
        shown = "never" if value is None else f"{value:.1f} {unit}"
        self.found.append(Finding(what, shown, f"≤ {limit:g} {unit}", value is not None and value <= limit))

    def at_least(self, what: str, value: float, limit: float) -> None:
        """A number that must not be smaller."""
        self.found.append(Finding(what, f"{value:,.0f}", f"≥ {limit:,.0f}", value >= limit))

    def table(self) -> Table:
        """For people."""
        table = Table("WHAT", "HOW MUCH", "LIMIT", "KEPT", title=self.title)
        for one in self.found:
            kept = {None: "", True: "[green]yes", False: "[red]NO"}[one.kept]
            table.add_row(one.what, one.how_much, one.limit, kept)
        return table


def settle(stage: Stage, draw: Draw, within: float = CONVERGENCE_SECONDS) -> tuple[float | None, list[str]]:
    """Wait until everything agrees; answers the seconds that it took (None: too long), and what did not."""
    began = time.monotonic()
    while True:
        left = stage.differences()
        seconds = time.monotonic() - began
        draw(f"{len(left)} differences after {seconds:.0f} s")
        if not left:
            return seconds, []
        if seconds > within:
            return None, left
        time.sleep(LOOK_SECONDS)
