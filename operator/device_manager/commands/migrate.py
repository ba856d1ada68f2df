"""`device-manager migrate`: makes the registry's database, or brings its schema up to date."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from device_manager import terminal
from device_registry.backoff import Backoff
from device_registry.domain.errors import RegistryUnavailable

if TYPE_CHECKING:
    from device_registry.settings import Settings

_WAIT = typer.Option("--wait", min=0, help="Seconds to wait for Postgres while it does not answer.")


def run(wait: Annotated[float, _WAIT] = 0) -> None:
    """Create the database if it is missing (CREATE_DB) and bring its schema up to date.

    A schema that is newer than this version, as after the way back from an upgrade, is left as it is.
    """
    settings = terminal.settings()
    revision = _patiently(settings, time.monotonic() + wait)
    terminal.say(f"The registry's schema is at revision {revision}.")


def _patiently(settings: "Settings", deadline: float) -> str:
    """Try until Postgres answers or the time is over; each trouble is told once."""
    pause, told = Backoff(first=0.5, longest=5), ""
    while True:
        try:
            return _migrate(settings)
        except RegistryUnavailable as error:
            if time.monotonic() >= deadline:
                raise
            if told != error.message:
                told = error.message
                terminal.remark(f"Waiting for Postgres: {told}")
            time.sleep(pause.next())


def _migrate(settings: "Settings") -> str:
    from device_registry.registry import migrate as schema
    from device_registry.registry.writer import make_engine

    if settings.CREATE_DB:
        schema.create_database(settings.registry_url)
    engine = make_engine(settings.registry_url)
    return schema.migrate(engine, settings.API_DBROLE, settings.API_DBUSER)
