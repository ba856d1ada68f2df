"""`device-manager events`: follows the notifications of a tenant."""

from typing import Annotated

import typer

from device_manager import completing


def run(
    tenant: Annotated[
        str,
        typer.Option(
            "--tenant",
            "-t",
            help="Whose notifications.",
            show_default=False,
            autocompletion=completing.tenants,
        ),
    ],
    device: Annotated[
        list[str] | None,
        typer.Option(
            "--device", "-d", help="Only of this device; may be given several times.", show_default=False
        ),
    ] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Begin with what the topic still holds.")
    ] = False,
    follow: Annotated[bool, typer.Option(help="Wait for more, until Ctrl-C.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Whole records, one JSON object a line.")] = False,
) -> None:
    """Show the notifications of a tenant as they come: what happened to which device, and what changed."""
    from device_manager.actions import events

    wanted = events.Wanted(devices=frozenset(device or ()), from_beginning=from_beginning, follow=follow)
    events.run(tenant, wanted, as_json=as_json)
