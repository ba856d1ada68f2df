"""`make test-faults`: a storm as long as you like, with a line that moves and a report at the end."""

import random
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from local.manifests import Kubectl as Installer
from local.platform import Platform
from tests.faults.storm.display import Display
from tests.faults.storm.stage import Size, Stage
from tests.faults.storm.tempest import Tempest

ROOT = Path(__file__).parents[2]

Minutes = Annotated[float, typer.Option(envvar="MINUTES", help="How long.")]
Devices = Annotated[int, typer.Option(envvar="DEVICES", help="Half of them by git, half by REST.")]
Seed = Annotated[int, typer.Option(envvar="SEED", help="Of an earlier run, to see it again; 0: a new one.")]
Times = Annotated[float, typer.Option(envvar="TIMES", help="How often each kind of fault happens.")]
Writes = Annotated[float, typer.Option(envvar="WRITES", help="A second, all writers together.")]
Operators = Annotated[int, typer.Option(envvar="OPERATORS", help="How many run side by side.")]


def storm(  # noqa: PLR0917 - options of a command, which have names
    minutes: Minutes = 30,
    devices: Devices = 500,
    seed: Seed = 0,
    times: Times = 21,
    writes: Writes = 15,
    operators: Operators = 1,
) -> None:
    """Random writes under random faults; exit code 1 when a promise was broken."""
    console = Console(width=None if sys.stdout.isatty() else 130)
    size = Size(devices=devices, writes=writes, operators=operators)
    seed = seed or random.SystemRandom().randrange(1, 1_000_000)
    console.print(f"seed {seed}; the same storm again: make test-faults SEED={seed} MINUTES={minutes:g}")
    with Platform(ROOT / ".local" / "faults", detour=True) as platform:
        Installer(platform.kubectl, {"KUBECONFIG": str(platform.kubeconfig)}).install()
        with Stage(platform, size, seed) as stage:
            tempest = Tempest(stage, minutes * 60, times)
            display = Display(tempest, minutes * 60)
            with Live(console=console, auto_refresh=False) as live:
                outcome = tempest.run(lambda: live.update(display.line(), refresh=True))
            console.print(display.report(outcome))
    raise typer.Exit(0 if outcome.good else 1)


if __name__ == "__main__":
    typer.run(storm)
