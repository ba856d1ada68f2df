"""Brings the registry's schema up to date, and tells whether it is: for `migrate` and for every start."""

from contextlib import AbstractContextManager
from importlib.resources import as_file, files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, text

from device_registry.domain.errors import SchemaOutdated

from . import roles
from .borders import errors_converted
from .roles import FACADE_ROLE

_LOCK = 0x646A6F74
"""Advisory lock: of several migration jobs at once one works, the others wait and find nothing to do."""


def migrate(engine: Engine, role: str = FACADE_ROLE, user: str = "") -> str:
    """Upgrade to the newest revision; answers it. Running it again changes nothing.

    Also gives the facade's role its rights, and `user` the role, where that is allowed (see `roles`).
    """
    with errors_converted(), _folder() as folder, engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config = _config(str(folder))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        roles.prepare(connection, role, user)
        return _wanted(config)


def check_current(engine: Engine) -> None:
    """Raise SchemaOutdated unless the schema is the one that this version was made for."""
    with errors_converted(), _folder() as folder, engine.connect() as connection:
        found, wanted = _found(connection), _wanted(_config(str(folder)))
    if found != wanted:
        raise SchemaOutdated(
            f"the registry's schema is at revision {found or 'nothing'}, this version needs {wanted};"
            " run `device-manager migrate`"
        )


def create_database(url: URL) -> bool:
    """Create the database if it is missing (CREATE_DB); answers whether it was."""
    server = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with errors_converted(), server.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            known = text("SELECT count(*) FROM pg_database WHERE datname = :name")
            if connection.execute(known, {"name": url.database}).scalar_one():
                return False
            quoted = connection.dialect.identifier_preparer.quote_identifier(str(url.database))
            connection.execute(text(f"CREATE DATABASE {quoted}"))
            return True
    finally:
        server.dispose()


def _folder() -> AbstractContextManager[Path]:
    return as_file(files(__package__) / "migrations")


def _config(folder: str) -> Config:
    config = Config()
    config.set_main_option("script_location", folder.replace("%", "%%"))
    return config


def _wanted(config: Config) -> str:
    return str(ScriptDirectory.from_config(config).get_current_head())


def _found(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
