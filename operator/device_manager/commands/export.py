"""`device-manager export`: the fleet as manifests, or as dojot's own export."""

from pathlib import Path
from typing import Annotated

import typer

from device_manager.kinds import Form, Source
from device_manager.options import NamespacesOption, TenantsOption
from device_manager.terminal import Output


def run(
    tenant: TenantsOption = None,
    namespace: NamespacesOption = None,
    source: Annotated[
        Source,
        typer.Option(
            "--from",
            help="cluster: resources as declared. registry: rows, also unclaimed ones, all ids pinned.",
        ),
    ] = Source.CLUSTER,
    pin: Annotated[
        bool, typer.Option("--pin", help="Declare every id that the registry gave: for a backup, or a move.")
    ] = False,
    keys: Annotated[bool, typer.Option("--keys", help="With the Secrets that hold the keys.")] = False,
    namespaces: Annotated[
        bool, typer.Option("--with-namespaces", help="With the namespaces and the tenants they stand for.")
    ] = False,
    form: Annotated[
        Form, typer.Option("--format", help="manifests, or dojot: the body of POST /import, of one tenant.")
    ] = Form.MANIFESTS,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Into one file.", show_default=False)
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Into a folder, one file for each resource.", show_default=False),
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="yaml or json.")] = Output.YAML,
) -> None:
    """Write the fleet as manifests that can be applied again: in a fixed order, without what tools added.

    Applying an export of the cluster changes nothing. With --pin, or from the registry, the ids are declared
    as well, so that another cluster with another registry gets the same ones.
    """
    from device_manager.actions import exporting
    from device_manager.scope import scope_of

    what = exporting.What(
        scope=scope_of(tenant, namespace), source=source, pin=pin, keys=keys, namespaces=namespaces
    )
    where = exporting.Where(file=file, folder=folder, output=output)
    exporting.run(what, where, form)
