"""The role that the facade takes in Postgres: what it may read, and the little that it may write.

`migrate` makes it where that is allowed. The role owns nothing, so the policies of migration 0004 hold for
it: it sees the rows of the tenants that its session has named, and no others.
"""

from collections.abc import Iterator
from typing import Final

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

_LOG = structlog.get_logger(__name__)

FACADE_ROLE: Final = "device_manager_api"
"""What the role is called unless API_DBROLE says otherwise."""

GRANTS: Final[tuple[tuple[str, str], ...]] = (
    ("SELECT", "alembic_version"),
    ("SELECT", "credential"),
    ("SELECT", "device"),
    ("SELECT", "device_template"),
    ("SELECT", "template"),
    ("SELECT", "template_attribute"),
    ("SELECT", "outcome"),
    ("SELECT, INSERT, UPDATE", "tenant"),  # the counter of template ids
    ("SELECT, INSERT, UPDATE", "event_stream"),  # actuation is an event that the facade writes
    ("SELECT, INSERT", "outbox"),
    ("SELECT, INSERT, UPDATE, DELETE", "undertaking"),
)
"""Rights by table; what is not named is not to be seen."""
_ATTEMPTS: Final = 3
"""Roles belong to the whole server: two databases that are migrated at once may meet here."""


def prepare(connection: Connection, role: str, user: str = "") -> bool:
    """Make the role with its rights, for `user` and for who migrates; answers whether it is there.

    What may not be done is logged, with the statements for somebody who may.
    """
    statements: list[str] = []
    failure = ""
    for _ in range(_ATTEMPTS):
        statements = list(_statements(connection, role, user))
        try:
            with connection.begin_nested():
                for one in statements:
                    connection.execute(text(one))
            return True
        except DBAPIError as error:
            failure = str(error.orig).strip()
    _LOG.warning(
        "the facade's role could not be prepared; a superuser runs these statements",
        error=failure,
        statements="; ".join(statements),
    )
    return False


def _statements(connection: Connection, role: str, user: str) -> Iterator[str]:
    quote = connection.dialect.identifier_preparer.quote_identifier
    known = text("SELECT count(*) FROM pg_roles WHERE rolname = :role")
    if not connection.execute(known, {"role": role}).scalar_one():
        yield f"CREATE ROLE {quote(role)} NOLOGIN"
    yield f"GRANT USAGE ON SCHEMA {quote(_schema(connection))} TO {quote(role)}"
    for rights, table in GRANTS:
        yield f"GRANT {rights} ON {quote(table)} TO {quote(role)}"
    yield f"GRANT EXECUTE ON FUNCTION devices_with_terms TO {quote(role)}"
    for member in _members(connection, role, user):
        yield f"GRANT {quote(role)} TO {quote(member)}"


def _schema(connection: Connection) -> str:
    return str(connection.execute(text("SELECT current_schema()")).scalar_one())


def _members(connection: Connection, role: str, user: str) -> list[str]:
    """Who shall be able to take the role and is not yet; a superuser always is."""
    mine = connection.execute(text("SELECT session_user")).scalar_one()
    wanted = sorted({str(mine), user} - {""})
    can = text(
        "SELECT r.rolsuper OR EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid"
        " WHERE m.member = r.oid AND g.rolname = :role) FROM pg_roles r WHERE r.rolname = :member"
    )
    return [one for one in wanted if not connection.execute(can, {"role": role, "member": one}).scalar()]
