"""What a person sees of a storm: a line that moves while it goes on, tables when it is over."""

import time
from collections import Counter

from rich.console import Group
from rich.table import Table
from rich.text import Text

from .tempest import Outcome, Tempest

SHOWN = 12
"""Differences that are printed; the others are counted."""


class Display:
    """Draws one storm."""

    def __init__(self, tempest: Tempest) -> None:
        self._tempest = tempest
        self._began = time.monotonic()

    def line(self) -> Text:
        """What is going on now, in one line."""
        stage, tempest = self._tempest.stage, self._tempest
        elapsed = time.monotonic() - self._began
        events = sum(stage.streams.events.values())
        wrong = len(stage.streams.violations) + len(stage.ledger.broken)
        faults = sum(tempest.weather.counts.values())
        going_on = ", ".join(sorted(tempest.weather.now.values()))
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{elapsed:6.0f} s  {tempest.phase}  ", style="bold")
        text.append(f"{stage.ledger.acknowledged} writes  {events} events  {faults} faults  ")
        text.append(f"{wrong} wrong  ", style="red" if wrong else "green")
        text.append(going_on or f"{len(tempest.outcome.differences)} differences", style="yellow")
        return text

    def report(self, outcome: Outcome) -> Group:
        """Everything, when it is over."""
        return Group(self._faults(outcome), self._figures(outcome), *_troubles(outcome))

    def _faults(self, outcome: Outcome) -> Table:
        table = Table("FAULT", "TIMES", title=f"{sum(outcome.counts.values())} faults")
        for name, times in sorted(outcome.counts.items()):
            table.add_row(name, str(times))
        for point, times in sorted(self._points().items()):
            table.add_row(f"… the operator ended at {point}", str(times))
        return table

    def _points(self) -> Counter[str]:
        points: Counter[str] = Counter()
        for operator in self._tempest.stage.operators:
            points.update(operator.points)
        return points

    def _figures(self, outcome: Outcome) -> Table:
        stage = self._tempest.stage
        table = Table("WHAT", "HOW MUCH", title=f"seed {stage.seed}")
        for (writer, how), times in sorted(stage.ledger.answers.items()):
            table.add_row(f"writes by {writer}, {how}", f"{times:,}")
        for (writer, why), times in stage.ledger.refusals.most_common(5):
            table.add_row(f"… {writer}: {why}", f"{times:,}")
        for kind, times in sorted(stage.streams.events.items()):
            table.add_row(f"events in Kafka, {kind}", f"{times:,}")
        table.add_row("events that came again", f"{stage.streams.doubles:,}")
        table.add_row("… after a successor", f"{stage.streams.late_doubles:,}")
        table.add_row("broken rules of the streams", str(len(stage.streams.violations)))
        table.add_row("broken answers", str(len(stage.ledger.broken)))
        stepped_down = sum(operator.stepped_down for operator in stage.operators)
        table.add_row("operators that gave up the lead by themselves", f"{stepped_down:,}")
        table.add_row("operator memory, peak", f"{outcome.memory:.0f} MiB")
        seconds = "never" if outcome.seconds is None else f"{outcome.seconds:.1f} s"
        table.add_row("all agree after the last fault", seconds)
        return table


def _troubles(outcome: Outcome) -> list[Text]:
    told = [*outcome.wrong, *outcome.differences]
    lines = [Text(one, style="red") for one in told[:SHOWN]]
    if len(told) > SHOWN:
        lines.append(Text(f"… and {len(told) - SHOWN} more", style="red"))
    return lines or [Text("Nothing lost, nothing out of order, no hole.", style="green")]
