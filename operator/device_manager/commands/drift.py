"""`device-manager drift`: what is declared, registered and published, side by side."""

from typing import Annotated

import typer

from device_manager.options import NamespacesOption, OutputOption, TenantsOption
from device_manager.terminal import Output


def run(
    tenant: TenantsOption = None,
    namespace: NamespacesOption = None,
    every: Annotated[bool, typer.Option("--all", help="Also show what does not differ.")] = False,
    topics: Annotated[
        bool, typer.Option("--topics", help="Read the topics, and compare what they say last of each device.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Compare resources, rows and events side by side; the exit code is 1 when anything differs.

    What differs is looked at twice, a second apart, so that a change that is on its way does not count.
    """
    from device_manager.actions import drift
    from device_manager.scope import scope_of

    drift.run(scope_of(tenant, namespace), output, every=every, topics=topics)
