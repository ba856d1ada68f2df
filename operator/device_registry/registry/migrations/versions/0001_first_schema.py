"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "departure",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tenant", sa.Text(collation="C"), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("departure_pkey")),
    )
    op.create_index(op.f("departure_tenant_left_at_idx"), "departure", ["tenant", "left_at"], unique=False)
    op.create_table(
        "event_stream",
        sa.Column("tenant", sa.Text(collation="C"), nullable=False),
        sa.Column("subject", sa.Text(collation="C"), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject", name=op.f("event_stream_pkey")),
    )
    op.create_table(
        "leadership",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("leadership_one_row_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("leadership_pkey")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tenant", sa.Text(collation="C"), nullable=False),
        sa.Column("subject", sa.Text(collation="C"), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("sent", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quarantined", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("outbox_pkey")),
        sa.UniqueConstraint("tenant", "subject", "sequence", name=op.f("outbox_tenant_subject_sequence_key")),
    )
    op.create_index(
        "outbox_sent_idx", "outbox", ["sent"], unique=False, postgresql_where=sa.text("sent IS NOT NULL")
    )
    op.create_index(
        "outbox_unsent_idx",
        "outbox",
        ["id"],
        unique=False,
        postgresql_where=sa.text("sent IS NULL AND quarantined IS NULL"),
    )
    op.create_table(
        "outcome",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(collation="C"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("templates", sa.Text(), nullable=False),
        sa.Column("unused", sa.Text(), nullable=False),
        sa.Column("decided", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("kind", "namespace", "name", name=op.f("outcome_pkey")),
    )
    op.create_index(
        "outcome_blocked_idx",
        "outcome",
        ["tenant", "target"],
        unique=False,
        postgresql_where=sa.text("reason = 'InUse'"),
    )
    op.create_index(
        "outcome_wanted_idx",
        "outcome",
        ["tenant", "wanted"],
        unique=False,
        postgresql_where=sa.text("wanted <> ''"),
    )
    op.create_table(
        "tenant",
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=True),
        sa.Column("explicit", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("bound", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_template_id", sa.Integer(), server_default="1", nullable=False),
        sa.Column("next_attribute_id", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("tenant_pkey")),
    )
    op.create_table(
        "device",
        sa.Column("tenant", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("label", sa.Text(collation="C"), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("terms", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("checksum", sa.Text(), server_default="", nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim_namespace", sa.Text(), nullable=True),
        sa.Column("claim_name", sa.Text(), nullable=True),
        sa.Column("claim_uid", sa.Text(), nullable=True),
        sa.Column("claim_created", sa.DateTime(timezone=True), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("unclaimed_since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenant.name"], name=op.f("device_tenant_fkey")),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("device_pkey")),
        sa.UniqueConstraint(
            "claim_namespace", "claim_name", name=op.f("device_claim_namespace_claim_name_key")
        ),
    )
    op.create_index(op.f("device_tenant_label_id_idx"), "device", ["tenant", "label", "id"], unique=False)
    op.create_index(op.f("device_terms_idx"), "device", ["terms"], unique=False, postgresql_using="gin")
    op.create_table(
        "template",
        sa.Column("tenant", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(collation="C"), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("propagated_revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=True),
        sa.Column("terminating", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("checksum", sa.Text(), server_default="", nullable=False),
        sa.Column("claim_namespace", sa.Text(), nullable=True),
        sa.Column("claim_name", sa.Text(), nullable=True),
        sa.Column("claim_uid", sa.Text(), nullable=True),
        sa.Column("claim_created", sa.DateTime(timezone=True), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("unclaimed_since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenant.name"], name=op.f("template_tenant_fkey")),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("template_pkey")),
        sa.UniqueConstraint(
            "claim_namespace", "claim_name", name=op.f("template_claim_namespace_claim_name_key")
        ),
    )
    op.create_index(op.f("template_tenant_label_id_idx"), "template", ["tenant", "label", "id"], unique=False)
    op.create_table(
        "device_template",
        sa.Column("tenant", sa.Text(collation="C"), nullable=False),
        sa.Column("device_id", sa.Text(collation="C"), nullable=False),
        sa.Column("template_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("tried_revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "device_id"],
            ["device.tenant", "device.id"],
            name=op.f("device_template_device_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "template_id"],
            ["template.tenant", "template.id"],
            name=op.f("device_template_template_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant", "device_id", "template_id", name=op.f("device_template_pkey")),
    )
    op.create_index(
        op.f("device_template_tenant_template_id_tried_revision_device_id_idx"),
        "device_template",
        ["tenant", "template_id", "tried_revision", "device_id"],
        unique=False,
    )
    op.create_table(
        "template_attribute",
        sa.Column("tenant", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("template_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("value_type", sa.Text(), nullable=False),
        sa.Column("static_value", sa.Text(), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "template_id"],
            ["template.tenant", "template.id"],
            name=op.f("template_attribute_template_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("template_attribute_pkey")),
    )
    op.create_index(
        op.f("template_attribute_tenant_template_id_idx"),
        "template_attribute",
        ["tenant", "template_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("template_attribute_tenant_template_id_idx"), table_name="template_attribute")
    op.drop_table("template_attribute")
    op.drop_index(
        op.f("device_template_tenant_template_id_tried_revision_device_id_idx"), table_name="device_template"
    )
    op.drop_table("device_template")
    op.drop_index(op.f("template_tenant_label_id_idx"), table_name="template")
    op.drop_table("template")
    op.drop_index(op.f("device_terms_idx"), table_name="device", postgresql_using="gin")
    op.drop_index(op.f("device_tenant_label_id_idx"), table_name="device")
    op.drop_table("device")
    op.drop_table("tenant")
    op.drop_index("outcome_wanted_idx", table_name="outcome", postgresql_where=sa.text("wanted <> ''"))
    op.drop_index("outcome_blocked_idx", table_name="outcome", postgresql_where=sa.text("reason = 'InUse'"))
    op.drop_table("outcome")
    op.drop_index(
        "outbox_unsent_idx",
        table_name="outbox",
        postgresql_where=sa.text("sent IS NULL AND quarantined IS NULL"),
    )
    op.drop_index("outbox_sent_idx", table_name="outbox", postgresql_where=sa.text("sent IS NOT NULL"))
    op.drop_table("outbox")
    op.drop_table("leadership")
    op.drop_table("event_stream")
    op.drop_index(op.f("departure_tenant_left_at_idx"), table_name="departure")
    op.drop_table("departure")
