"""`make test-faults`: the proofs that take their time, with a line that moves and a report at the end."""

import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from local.manifests import Kubectl as Installer
from local.platform import Platform
from tests.faults.storm.display import Display
from tests.faults.storm.outages import Outage, endure
from tests.faults.storm.poison import poison
from tests.faults.storm.proof import Draw, Findings
from tests.faults.storm.quiet import stay_silent
from tests.faults.storm.stage import Size, Stage
from tests.faults.storm.tempest import Tempest

ROOT = Path(__file__).parents[2]
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)

Minutes = Annotated[float, typer.Option(envvar="MINUTES", help="How long.")]
Devices = Annotated[int, typer.Option(envvar="DEVICES", help="Half of them by git, half by REST.")]
Times = Annotated[float, typer.Option(envvar="TIMES", help="How often each kind of fault happens.")]
Writes = Annotated[float, typer.Option(envvar="WRITES", help="A second, all writers together.")]
Operators = Annotated[int, typer.Option(envvar="OPERATORS", help="How many run side by side.")]
Lanes = Annotated[str, typer.Option(envvar="LANES", help="programs, parts, network, answers; none: all.")]

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(width=None if sys.stdout.isatty() else 130)


@contextmanager
def _stage(size: Size) -> Iterator[Stage]:
    console.print(f"seed {SEED}; SEED={SEED} makes the same choices again")
    with Platform(ROOT / ".local" / "faults", detour=True) as platform:
        Installer(platform.kubectl, {"KUBECONFIG": str(platform.kubeconfig)}).install()
        with Stage(platform, size, SEED) as stage:
            yield stage


@app.command()
def storm(  # noqa: PLR0917 - options of a command, which have names
    minutes: Minutes = 30,
    devices: Devices = 500,
    times: Times = 21,
    writes: Writes = 15,
    operators: Operators = 1,
    lanes: Lanes = "",
) -> None:
    """Random writes under random faults, every few seconds one."""
    with _stage(Size(devices=devices, writes=writes, operators=operators)) as stage:
        tempest = Tempest(stage, minutes * 60, times, [one for one in lanes.split(",") if one])
        display = Display(tempest)
        with Live(console=console, auto_refresh=False) as live:
            outcome = tempest.run(lambda: live.update(display.line(), refresh=True))
        console.print(display.report(outcome))
    raise typer.Exit(0 if outcome.good else 1)


@app.command()
def kafka_off(minutes: Minutes = 10, devices: Devices = 500, operators: Operators = 1) -> None:
    """Kafka away, 2,000 changes meanwhile: all accepted, memory flat, all delivered within two minutes."""
    changes = 2_000
    size = Size(devices=devices, writes=1.5 * changes / (minutes * 60), operators=operators)
    outage = Outage(part="kafka", seconds=minutes * 60, within=120, changes=changes)
    _prove(size, lambda stage, draw: endure(stage, outage, draw))


@app.command()
def postgres_off(minutes: Minutes = 2, devices: Devices = 500, operators: Operators = 1) -> None:
    """Postgres away: no crash loop, everything agrees within a minute of its return."""
    outage = Outage(part="postgres", seconds=minutes * 60, within=60)
    _prove(Size(devices=devices, operators=operators), lambda stage, draw: endure(stage, outage, draw))


@app.command()
def api_off(minutes: Minutes = 2, devices: Devices = 500, operators: Operators = 1) -> None:
    """The API server away: no crash loop, everything agrees within a minute of its return."""
    outage = Outage(part="kube-apiserver", seconds=minutes * 60, within=60)
    _prove(Size(devices=devices, operators=operators), lambda stage, draw: endure(stage, outage, draw))


@app.command()
def settled(minutes: Minutes = 5, devices: Devices = 1000, operators: Operators = 1) -> None:
    """A settled fleet, restarted: no write to the API server, Postgres and Kafka."""
    size = Size(devices=devices, writes=0, operators=operators)
    _prove(size, lambda stage, draw: stay_silent(stage, minutes * 60, draw))


@app.command()
def bad_apples(devices: Devices = 2001, operators: Operators = 1) -> None:
    """One poison resource and one poison event among 2,000: the others do not notice."""
    size = Size(devices=0, writes=0, operators=operators, tenants=1)
    _prove(size, lambda stage, draw: poison(stage, devices, draw))


def _prove(size: Size, proof: Callable[[Stage, Draw], Findings]) -> None:
    with _stage(size) as stage, Live(console=console, auto_refresh=False, transient=True) as live:
        findings = proof(stage, lambda text: live.update(Text(text, style="bold"), refresh=True))
    console.print(findings.table())
    raise typer.Exit(0 if findings.good else 1)


if __name__ == "__main__":
    app()
