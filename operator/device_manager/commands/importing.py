"""`device-manager import`: what another installation knows, from its export file or from its database."""

from pathlib import Path
from typing import Annotated

import typer

from device_manager import terminal
from device_manager.options import OutputOption
from device_manager.terminal import Output

app = terminal.group("Take over what a dojot installation knows: from its export file, or from its database.")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")]
Wait = Annotated[float, typer.Option("--wait", help="Seconds to wait for the operator; 0: do not wait.")]


@app.command("file")
def file_(
    file: Annotated[
        Path, typer.Argument(help="An export of dojot: the body of POST /import; - for standard input.")
    ],
    tenant: Annotated[str, typer.Option("--tenant", "-t", help="Whose it shall be.", show_default=False)],
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Where the resources go; else that of the tenant.")
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete what the tenant has and the file has not.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deleting.")] = False,
    dry_run: DryRun = False,
    wait: Wait = 300,
) -> None:
    """Declare what an export file of dojot says as resources, with its ids; each new device is told to Kafka.

    What is declared so already stays as it is; running it again changes nothing.
    """
    from device_manager.actions import importing_file

    wanted = importing_file.Wanted(
        tenant=tenant, namespace=namespace, replace=replace, sure=yes, dry_run=dry_run, seconds=wait
    )
    importing_file.run(file, wanted)


@app.command()
def database(
    url: Annotated[
        str,
        typer.Argument(
            envvar="DOJOT_DATABASE_URL",
            help="postgresql://user:password@host/dojot_devm; it is only read.",
            show_default=False,
        ),
    ],
    tenant: Annotated[
        list[str] | None,
        typer.Option(
            "--tenant", "-t", help="Only this tenant; may be given several times.", show_default=False
        ),
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Where the resources go, when it is one tenant.")
    ] = "",
    dry_run: DryRun = False,
    observe: Annotated[
        bool, typer.Option("--observe", help="Only write the rows, for REST to show; declare nothing.")
    ] = False,
    paused: Annotated[
        bool, typer.Option("--paused", help="Declare paused resources: the operator waits until you unpause.")
    ] = False,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Go on without what cannot be declared here.")
    ] = False,
    wait: Wait = 300,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take over a dojot database, tenant by tenant, with ids, times and keys; nobody is told of it.

    Rows come first, then the resources that claim them. Running it again brings what has changed there since,
    as long as no resource has claimed it. Keys need DEV_MNGR_CRYPTO_PASS, _SALT and _IV as dojot has them.
    """
    from device_manager.actions import importing_database

    wanted = importing_database.Wanted(
        tenants=tuple(tenant or ()),
        namespace=namespace,
        dry_run=dry_run,
        observe=observe,
        paused=paused,
        leave_out=leave_out,
        seconds=wait,
    )
    importing_database.run(url, wanted, output)
