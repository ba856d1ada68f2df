"""People decide about events in quarantine; the relay passes tenants by that wait."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_UNSENT = sa.text("sent IS NULL AND quarantined IS NULL")


def upgrade() -> None:
    op.add_column("outbox", sa.Column("retry_requested", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("dropped", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "outbox_quarantined_idx", "outbox", ["id"], postgresql_where=sa.text("quarantined IS NOT NULL")
    )
    op.drop_index("outbox_unsent_idx", table_name="outbox")
    op.create_index(
        "outbox_unsent_idx", "outbox", ["id"], postgresql_include=["tenant"], postgresql_where=_UNSENT
    )


def downgrade() -> None:
    op.drop_index("outbox_unsent_idx", table_name="outbox")
    op.create_index("outbox_unsent_idx", "outbox", ["id"], postgresql_where=_UNSENT)
    op.drop_index("outbox_quarantined_idx", table_name="outbox")
    op.drop_column("outbox", "dropped")
    op.drop_column("outbox", "retry_requested")
