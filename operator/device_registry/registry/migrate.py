"""Brings the registry's schema up to date, and tells whether it is: for `migrate` and for every start.

A schema that is newer than the program is not refused as such: during an upgrade, and after the way back from
one, programs of the former version work on it. Migrations therefore only add; one that takes away what former
programs need sets `BREAKS = True`, and is made a version after the last program that needed it. Which
programs a schema still serves is noted in the database: a former program does not know newer migrations.
"""

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


_NOTE = "serves programs since revision "
"""How the note begins: the comment of Alembic's own table."""


def migrate(engine: Engine, role: str = FACADE_ROLE, user: str = "") -> str:
    """Upgrade to the newest revision; answers the revision that the schema has now.

    Running it again changes nothing, and a newer schema that serves this version stays as it is. Also gives
    the facade's role its rights, and `user` the role, where that is allowed (see `roles`). Raises
    SchemaOutdated when a newer schema does not serve this version.
    """
    with errors_converted(), _folder() as folder, engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config = _config(str(folder))
        config.attributes["connection"] = connection
        scripts = ScriptDirectory.from_config(config)
        if (newer := _newer(connection, scripts)) is not None:
            return newer
        command.upgrade(config, "head")
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{_NOTE}{_serves_since(scripts)}'"))
        roles.prepare(connection, role, user)
        return str(scripts.get_current_head())


def check_current(engine: Engine) -> None:
    """Raise SchemaOutdated unless the schema is that of this version, or a newer one that serves it."""
    with errors_converted(), _folder() as folder, engine.connect() as connection:
        scripts = ScriptDirectory.from_config(_config(str(folder)))
        if _newer(connection, scripts) is not None:
            return
        found, wanted = _found(connection), scripts.get_current_head()
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


def _newer(connection: Connection, scripts: ScriptDirectory) -> str | None:
    """The revision of a schema that is newer than this version and serves it; None if it is not newer."""
    known = {script.revision for script in scripts.walk_revisions()}
    found = _found(connection)
    if found is None or found in known:
        return None
    noted = connection.scalar(text("SELECT obj_description('alembic_version'::regclass)")) or ""
    since = noted.removeprefix(_NOTE)
    if since not in known:
        raise SchemaOutdated(
            f"the registry's schema is at revision {found}, which is newer than this version and serves"
            f" programs since revision {since or 'unknown'} only; install a newer version"
        )
    return found


def _serves_since(scripts: ScriptDirectory) -> str:
    """The revision of the last migration that broke with former programs, else that of the first."""
    *_, first = revisions = list(scripts.walk_revisions())
    broken = (one for one in revisions if getattr(one.module, "BREAKS", False))
    return next(broken, first).revision


def _found(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
