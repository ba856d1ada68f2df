"""Resources that were let go: what a late event tells of them registers nothing.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "released",
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("released_pkey")),
    )
    op.create_index(op.f("released_released_at_idx"), "released", ["released_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("released_released_at_idx"), table_name="released")
    op.drop_table("released")
