"""`make test-monitors`: two monitors that die at random, with figures at the end."""

import random
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local.platform import Platform
from tests.support.postgres import Databases

from .reaper import Reaper
from .stage import Stage
from .talk import Talk
from .verdict import Verdict, percentile

ROOT = Path(__file__).parents[3]

Minutes = Annotated[float, typer.Option(envvar="MINUTES", help="How long.")]
Devices = Annotated[int, typer.Option(envvar="DEVICES", help="How many.")]
Timeout = Annotated[float, typer.Option(envvar="TIMEOUT", help="STATUS_TIMEOUT, seconds.")]
Seed = Annotated[int, typer.Option(envvar="SEED", help="Of an earlier run; 0: a new one.")]

console = Console(highlight=False)


def storm(minutes: Minutes = 10, devices: Devices = 5000, timeout: Timeout = 20, seed: Seed = 0) -> None:
    """Exit code 1 when a consumer was told something else than the model says."""
    seed = seed or random.SystemRandom().randrange(1, 1_000_000)
    console.print(f"seed {seed}, {devices} devices, {minutes:g} minutes")
    with Platform(ROOT / ".local" / "monitors", cluster=False) as platform:
        databases = Databases(platform.database_url("databases"))
        with Stage(platform, databases, devices, timeout) as stage:
            talk = Talk(stage.topic, stage.lasting, seed)
            reaper = Reaper(stage.monitors, (5, 20), seed)
            stage.run(talk, reaper, lambda: time.sleep(minutes * 60))
            verdict = stage.verdict(reaper.times)
            _report(verdict, reaper)
    raise typer.Exit(0 if verdict.good else 1)


def _report(verdict: Verdict, reaper: Reaper) -> None:
    console.print("monitors " + ", ".join(f"{way} {count}" for way, count in sorted(reaper.attacks.items())))
    console.print(f"{verdict.messages} messages, {verdict.notices} notices, {verdict.doubled} doubled")
    console.print(f"{len(verdict.wrong)} devices told otherwise than the model says")
    for device, (told, expected) in list(verdict.wrong.items())[:5]:
        console.print(f"  {device}: told {told[-6:]}, expected {expected[-6:]}")
    for name, delays in (("all", verdict.delays), ("no attack within 25 s", verdict.calm)):
        figures = [percentile(delays, share) for share in (0.5, 0.99, 1)]
        console.print(
            f"delay, {name} ({len(delays)}): p50 {figures[0]} ms, p99 {figures[1]} ms, max {figures[2]} ms"
        )


if __name__ == "__main__":
    typer.run(storm)
