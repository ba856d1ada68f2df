"""The root of `device-manager`: which commands there are. How one is added stands in `device_manager`."""

import typer

from . import terminal
from .commands import (
    api,
    bench,
    check,
    drift,
    events,
    export,
    importing,
    migrate,
    monitor,
    operator,
    quarantine,
    release,
    rotate_key,
    status,
    unclaimed,
)

app = typer.Typer(
    cls=terminal.Root,
    help="A device registry for IoT that is run the Kubernetes way.",
    epilog=terminal.EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_PROGRAMS = "Programs"

app.command("operator", rich_help_panel=_PROGRAMS)(operator.run)
app.command("api", rich_help_panel=_PROGRAMS)(api.run)
app.command("monitor", rich_help_panel=_PROGRAMS)(monitor.run)
app.command("migrate", rich_help_panel=_PROGRAMS)(migrate.run)

app.command("bench")(bench.run)
app.command("check")(check.run)
app.command("drift")(drift.run)
app.command("events")(events.run)
app.command("export")(export.run)
app.command("release")(release.run)
app.command("rotate-key")(rotate_key.run)
app.command("status")(status.run)
app.add_typer(importing.app, name="import")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(unclaimed.app, name="unclaimed")
