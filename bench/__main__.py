"""`make bench`: the whole measurement on a platform of its own, as a table and as .local/bench.json."""

import asyncio
import json
import os
import sys
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from bench import fleet, report, rest
from bench.report import Figure
from bench.setting import Setting, a_setting
from local.platform import Platform

ROOT = Path(__file__).parents[1]
DEVICES = int(os.environ.get("BENCH_DEVICES", "2000"))
"""Enough that start-up effects do not show, few enough for five minutes on two cores."""


def main() -> int:
    """Measure, print the table, keep the figures; exit code 1 when a gate is missed."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    with Platform(ROOT / ".local" / "bench") as platform:
        setting = a_setting(platform, f"bench_{uuid4().hex[:6]}")
        try:
            figures = asyncio.run(_measure(setting, console))
        finally:
            setting.stop()
    console.print(report.table(figures, DEVICES))
    (ROOT / ".local" / "bench.json").write_text(json.dumps(report.as_json(figures, DEVICES), indent=2) + "\n")
    missed = [figure.name for figure in figures if figure.missed]
    console.print(f"[red]Missed: {', '.join(missed)}" if missed else "[green]Every gate is kept.")
    return 1 if missed else 0


async def _measure(setting: Setting, console: Console) -> list[Figure]:
    with console.status("A bare client makes the writes ..."):
        floor = await fleet.floor(setting, DEVICES)
    with console.status("The operator starts ..."):
        setting.operator.start()
        setting.facade.start()
    with console.status(f"{DEVICES} devices are applied ..."):
        figures = await fleet.figures(setting, DEVICES, floor)
    with console.status("The facade answers ..."):
        figures += await rest.figures(setting)
    return figures


if __name__ == "__main__":
    sys.exit(main())
