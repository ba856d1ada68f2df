"""`device-manager unclaimed`: rows that no resource stands behind, and what becomes of them."""

from typing import Annotated

import typer

from device_manager import terminal
from device_manager.options import NamespacesOption, OutputOption, TenantsOption
from device_manager.terminal import Output

app = terminal.group("Rows that no resource stands behind: list them, adopt them, delete them.")

Rows = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ROW...", help="Ids of devices, or device/<id>, template/<id>.", show_default=False
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every unclaimed row of the tenants that are chosen.")]


@app.command("list")
def list_(
    tenant: TenantsOption = None, namespace: NamespacesOption = None, output: OutputOption = Output.TABLE
) -> None:
    """List the unclaimed rows: who had them and since when, and those that are taken over from elsewhere."""
    from device_manager.actions import unclaimed

    unclaimed.show(tenant, namespace, output)


@app.command()
def adopt(
    row: Rows = None,
    tenant: TenantsOption = None,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Where the resources go.")] = "",
    name: Annotated[str, typer.Option("--name", help="Name of the resource, when it is one row.")] = "",
    every: All = False,
) -> None:
    """Give unclaimed rows a resource again; nobody is told, as nothing changes.

    The resource that waits for the id gets the row; else one is created that declares the row as it is,
    with its former name. The templates of a device are adopted with it.
    """
    from device_manager.actions import unclaimed

    unclaimed.adopt(unclaimed.Choice.of(row, tenant, every=every), namespace, name)


@app.command()
def delete(
    row: Rows = None,
    tenant: TenantsOption = None,
    every: All = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete unclaimed rows; for each device a `remove` event is sent, as the world still knows it."""
    from device_manager.actions import unclaimed

    unclaimed.delete(unclaimed.Choice.of(row, tenant, every=every), sure=yes)
