"""The facade's edges: what it has begun, who asked for an event, and rows that only their tenant sees.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TENANT_COLUMNS = (
    ("tenant", "name"),
    ("template", "tenant"),
    ("template_attribute", "tenant"),
    ("device", "tenant"),
    ("device_template", "tenant"),
    ("credential", "tenant"),
    ("outcome", "tenant"),
    ("departure", "tenant"),
    ("event_stream", "tenant"),
    ("outbox", "tenant"),
)

# In a subquery, so that it is evaluated once for a statement and not once for a row.
ALLOWED = "(SELECT nullif(current_setting('device_manager.tenants', true), '')::text[])::text[]"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("request", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "undertaking",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("resources", sa.Text(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undoing", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("undertaking_pkey")),
    )
    op.create_index(op.f("undertaking_due_idx"), "undertaking", ["due"], unique=False)
    for table, column in TENANT_COLUMNS:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY only_its_tenant ON {table}"
            f" USING ({column} = ANY ({ALLOWED})) WITH CHECK ({column} = ANY ({ALLOWED}))"
        )
    op.execute(_SEARCH)
    op.execute("REVOKE ALL ON FUNCTION devices_with_terms FROM PUBLIC")


def downgrade() -> None:
    op.execute("DROP FUNCTION devices_with_terms")
    for table, _ in TENANT_COLUMNS:
        op.execute(f"DROP POLICY only_its_tenant ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.drop_index(op.f("undertaking_due_idx"), table_name="undertaking")
    op.drop_table("undertaking")
    op.drop_column("outbox", "request")


# Under row-level security the index on `terms` cannot be used: its operator might tell about rows that are not
# to be seen, so Postgres asks the policy first, row by row. The owner may use it, and asks the same question.
_SEARCH = f"""
DO $do$ BEGIN EXECUTE format($format$
    CREATE FUNCTION devices_with_terms(wanted_tenant text, wanted text[]) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, %I, pg_temp
    AS $body$
        SELECT id FROM device
        WHERE tenant = wanted_tenant AND terms @> wanted AND wanted_tenant = ANY ({ALLOWED})
    $body$
$format$, current_schema()); END $do$
"""
