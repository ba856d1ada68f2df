"""`device-manager monitor`: the program that keeps who is online."""

import asyncio

import typer

from device_manager import terminal


def run() -> None:
    """Keep online and offline of the devices from the data that they send."""
    from device_monitor.program import run

    raise typer.Exit(asyncio.run(run(terminal.settings())))
