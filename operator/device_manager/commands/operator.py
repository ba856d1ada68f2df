"""`device-manager operator`: the program that registers resources and sends events."""

import asyncio

import typer

from device_manager import terminal


def run() -> None:
    """Reconcile Device and Template resources into the registry, and send the events."""
    from device_operator.lifecycle import run

    raise typer.Exit(asyncio.run(run(terminal.settings())))
