"""`python -m local`: the commands behind `make up`, `make down`, `make clean` and `make run`."""

import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from local import binaries
from local.errors import PlatformError
from local.folder import PROJECT
from local.laptop import Laptop
from local.platform import Platform
from local.process import Part
from local.progress import Terminal

ROOT = PROJECT / ".local"

WIDE = 140
"""Columns that the table of parts needs at the most."""

app = typer.Typer(help="A whole platform on a laptop.", no_args_is_help=True, pretty_exceptions_enable=False)
console = Console()
reporter = Terminal(console)


@app.command()
def up() -> None:
    """Start everything in the background; does nothing when it is up."""
    laptop = Laptop(ROOT, reporter)
    started = laptop.up()
    console.print("The platform is up." if started else "The platform is up already.")
    console.print(
        f"REST at {laptop.variables()['API_URL']}; for a shell: source {laptop.folder.env}", highlight=False
    )


@app.command()
def down() -> None:
    """Stop everything; data is kept."""
    Laptop(ROOT, reporter).down()
    console.print("The platform is down.")


@app.command()
def clean() -> None:
    """Stop everything and remove its data."""
    Laptop(ROOT, reporter).clean()
    console.print(f"{ROOT} is removed.", highlight=False)


@app.command()
def fetch(
    helm: Annotated[bool, typer.Option("--helm", help="Helm as well, which only the tests use.")] = False,  # noqa: FBT002
) -> None:
    """Build and download what the platform is put together from, without starting it."""
    Platform(ROOT).fetch(reporter)
    for major in binaries.HELM if helm else ():
        binaries.helm(reporter, major)


@app.command()
def status() -> None:
    """Show the parts: state, process, address, log."""
    laptop = Laptop(ROOT, reporter)
    laptop.find()
    table = Table("PART", "STATE", "PID", "ADDRESS", "LOG", box=None)
    for part in laptop.parts:
        log = str(part.log.relative_to(PROJECT))
        table.add_row(part.name, _state(part), str(part.pid or ""), part.address, log)
    # In a file or a pipe, nothing is cut off for want of width.
    wide = console if console.is_terminal else Console(width=WIDE)
    wide.print(table if laptop.parts else "The platform is down; `make up` starts it.")


@app.command()
def run(
    once: Annotated[bool, typer.Option("--once", help="Print the fleet once and stop again.")] = False,  # noqa: FBT002
) -> None:
    """Start everything, apply the example fleet and show it; stops what it has started at the end."""
    laptop = Laptop(ROOT, reporter)
    started = laptop.up()
    try:
        _show(laptop, once=once or not console.is_terminal)
    finally:
        if started:
            laptop.down()


def _show(laptop: Laptop, *, once: bool) -> None:
    # Imported here, as the other commands should answer at once.
    from local import live  # noqa: PLC0415
    from local.fleet import Fleet  # noqa: PLC0415

    fleet = Fleet(laptop.kubectl(), laptop.variables(), console)
    fleet.apply(reporter)
    fleet.show()
    if not once:
        with suppress(KeyboardInterrupt):  # the way to end it
            live.watch(fleet.kubectl, fleet.namespace, console)


def _state(part: Part) -> str:
    if part.ready():
        return "[green]ready[/]"
    return "[yellow]does not answer[/]" if part.alive else "[red]stopped[/]"


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """Run a command; failures are told without a traceback."""
    # A closed terminal or a `kill` must tidy up as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        app()
    except PlatformError as error:
        Console(stderr=True).print(f"[red]failed[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
