"""`device-manager bench`: how fast the installation at hand is."""

from typing import Annotated

import typer

from device_manager.options import OutputOption
from device_manager.terminal import Output


def run(
    devices: Annotated[int, typer.Option("--devices", min=1, max=5000, help="How many devices.")] = 50,
    output: OutputOption = Output.TABLE,
) -> None:
    """Create, change and delete some devices in a namespace of their own, and tell how long each took.

    The namespace and its tenant are new and go again at the end; their topic stays, with what was told. It
    is a check of an installation: figures to compare versions and machines with come from `make bench`.
    """
    from device_manager.actions import bench

    bench.run(devices, output)
