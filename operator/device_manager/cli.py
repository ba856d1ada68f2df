"""What `device-manager` can do. Each command reads the environment (see `device_registry.settings`).

A program is imported only by the command that starts it: `migrate` must not need kopf or FastAPI to start.
"""

import asyncio
from typing import NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from device_registry.domain.errors import RegistryError
from device_registry.registry import migrate as schema
from device_registry.registry.writer import make_engine
from device_registry.settings import Settings

app = typer.Typer(
    help="A device registry for IoT that is run the Kubernetes way.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_errors = Console(stderr=True, highlight=False)


@app.command()
def operator() -> None:
    """Reconcile Device and Template resources into the registry, and send the events."""
    from device_operator.lifecycle import run  # noqa: PLC0415

    raise typer.Exit(asyncio.run(run(_settings())))


@app.command()
def api() -> None:
    """Serve the REST contract of the dojot DeviceManager."""
    from device_api.program import run  # noqa: PLC0415

    run(_settings())


@app.command()
def migrate() -> None:
    """Create the database if it is missing (CREATE_DB) and bring its schema up to date."""
    settings = _settings()
    try:
        if settings.CREATE_DB:
            schema.create_database(settings.registry_url)
        revision = schema.migrate(make_engine(settings.registry_url))
    except RegistryError as error:
        _fail(error.message)
    typer.echo(f"The registry's schema is at revision {revision}.")


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors()]
        _fail("The environment is not usable:\n  " + "\n  ".join(problems))


def _fail(message: str) -> NoReturn:
    _errors.print(message, style="red")
    raise typer.Exit(1)
