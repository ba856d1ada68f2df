"""Keys of devices, encrypted, and announcements that templates ask for."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credential",
        sa.Column("tenant", sa.Text(collation="C"), nullable=False),
        sa.Column("device_id", sa.Text(collation="C"), nullable=False),
        sa.Column("attribute", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("stored", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "device_id"],
            ["device.tenant", "device.id"],
            name=op.f("credential_device_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "device_id", "attribute", name=op.f("credential_pkey")),
    )
    op.add_column("outcome", sa.Column("keys", sa.Text(), server_default="", nullable=False))
    op.add_column("outcome", sa.Column("keys_message", sa.Text(), server_default="", nullable=False))
    op.add_column("template", sa.Column("announce", sa.Text(), nullable=True))
    op.add_column(
        "template", sa.Column("announced_revision", sa.BigInteger(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("template", "announced_revision")
    op.drop_column("template", "announce")
    op.drop_column("outcome", "keys_message")
    op.drop_column("outcome", "keys")
    op.drop_table("credential")
