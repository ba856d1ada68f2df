"""Options that several commands share. Nothing heavy is imported here."""

from typing import Annotated

import typer

from . import completing
from .terminal import Output

OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="A table for people, or json or yaml for programs.")
]
TenantsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tenant",
        "-t",
        help="Only this tenant; may be given several times.",
        show_default=False,
        autocompletion=completing.tenants,
    ),
]
NamespacesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--namespace", "-n", help="Only this namespace; may be given several times.", show_default=False
    ),
]
