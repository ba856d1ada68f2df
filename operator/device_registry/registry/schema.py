"""The tables of the registry, as the newest migration leaves them.

Alembic's migrations make them; a test asks Alembic whether this description and a migrated database are the
same. Every table that holds what belongs to a tenant has the tenant in its key. Ids and labels compare by
bytes (collation C), because the contract orders lists so.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(referred_table_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

_BYTES = Text(collation="C")
_TIME = DateTime(timezone=True)


def _claim() -> list[Column[object]]:
    """The tie to the resource: which, since when it exists, and since when it is gone."""
    return [
        Column("claim_namespace", Text),
        Column("claim_name", Text),
        Column("claim_uid", Text),
        Column("claim_created", _TIME),
        Column("generation", BigInteger, nullable=False),
        Column("unclaimed_since", _TIME),
    ]


tenant = Table(
    "tenant",
    metadata,
    Column("name", _BYTES, primary_key=True),
    Column("namespace", Text),
    Column("explicit", Boolean, nullable=False, server_default=text("false")),
    Column("bound", _TIME),
    Column("next_template_id", Integer, nullable=False, server_default="1"),
    Column("next_attribute_id", Integer, nullable=False, server_default="1"),
    Column("created", _TIME, nullable=False, server_default=text("now()")),
)

template = Table(
    "template",
    metadata,
    Column("tenant", _BYTES, primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("label", _BYTES, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("propagated_revision", BigInteger, nullable=False, server_default="0"),
    Column("created", _TIME, nullable=False),
    Column("updated", _TIME),
    Column("terminating", Boolean, nullable=False, server_default=text("false")),
    Column("announce", Text),
    Column("announced_revision", BigInteger, nullable=False, server_default="0"),
    Column("checksum", Text, nullable=False, server_default=""),
    *_claim(),
    ForeignKeyConstraint(["tenant"], ["tenant.name"]),
    UniqueConstraint("claim_namespace", "claim_name"),
    Index(None, "tenant", "label", "id"),
)

template_attribute = Table(
    "template_attribute",
    metadata,
    Column("tenant", _BYTES, primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("template_id", Integer, nullable=False),
    Column("parent_id", Integer),
    Column("position", SmallInteger, nullable=False),
    Column("label", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("value_type", Text, nullable=False),
    Column("static_value", Text),
    Column("created", _TIME, nullable=False),
    Column("updated", _TIME),
    ForeignKeyConstraint(["tenant", "template_id"], ["template.tenant", "template.id"], ondelete="CASCADE"),
    Index(None, "tenant", "template_id"),
)

device = Table(
    "device",
    metadata,
    Column("tenant", _BYTES, primary_key=True),
    Column("id", _BYTES, primary_key=True),
    Column("label", _BYTES, nullable=False),
    Column("spec", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("terms", ARRAY(Text), nullable=False),
    Column("checksum", Text, nullable=False, server_default=""),
    Column("revision", BigInteger, nullable=False),
    Column("created", _TIME, nullable=False),
    Column("updated", _TIME),
    *_claim(),
    ForeignKeyConstraint(["tenant"], ["tenant.name"]),
    UniqueConstraint("claim_namespace", "claim_name"),
    Index(None, "tenant", "label", "id"),
    Index(None, "terms", postgresql_using="gin"),
)

device_template = Table(
    "device_template",
    metadata,
    Column("tenant", _BYTES, primary_key=True),
    Column("device_id", _BYTES, primary_key=True),
    Column("template_id", Integer, primary_key=True),
    Column("position", SmallInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("tried_revision", BigInteger, nullable=False),
    ForeignKeyConstraint(["tenant", "device_id"], ["device.tenant", "device.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["tenant", "template_id"], ["template.tenant", "template.id"]),
    Index(None, "tenant", "template_id", "tried_revision", "device_id"),
)

credential = Table(
    "credential",
    metadata,
    Column("tenant", _BYTES, primary_key=True),
    Column("device_id", _BYTES, primary_key=True),
    Column("attribute", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("stored", _TIME, nullable=False),
    ForeignKeyConstraint(["tenant", "device_id"], ["device.tenant", "device.id"], ondelete="CASCADE"),
)

outcome = Table(
    "outcome",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("tenant", _BYTES, nullable=False),
    Column("uid", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("wanted", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("templates", Text, nullable=False),
    Column("unused", Text, nullable=False),
    Column("keys", Text, nullable=False, server_default=""),
    Column("keys_message", Text, nullable=False, server_default=""),
    Column("decided", _TIME, nullable=False, server_default=text("now()")),
    Index("outcome_wanted_idx", "tenant", "wanted", postgresql_where=text("wanted <> ''")),
    Index("outcome_blocked_idx", "tenant", "target", postgresql_where=text("reason = 'InUse'")),
)

departure = Table(
    "departure",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("tenant", _BYTES, nullable=False),
    Column("left_at", _TIME, nullable=False),
    Index(None, "tenant", "left_at"),
)

released = Table(
    "released",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("released_at", _TIME, nullable=False),
    Index(None, "released_at"),
)

event_stream = Table(
    "event_stream",
    metadata,
    Column("tenant", _BYTES, primary_key=True),
    Column("subject", _BYTES, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("tenant", _BYTES, nullable=False),
    Column("subject", _BYTES, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("created", _TIME, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("uid", Text, nullable=False),
    Column("writer", Text, nullable=False),
    Column("request", Text, nullable=False, server_default=""),
    Column("sent", _TIME),
    Column("quarantined", _TIME),
    Column("error", Text),
    Column("retry_requested", _TIME),
    Column("dropped", _TIME),
    UniqueConstraint("tenant", "subject", "sequence"),
    Index(
        "outbox_unsent_idx",
        "id",
        postgresql_include=["tenant"],
        postgresql_where=text("sent IS NULL AND quarantined IS NULL"),
    ),
    Index("outbox_quarantined_idx", "id", postgresql_where=text("quarantined IS NOT NULL")),
    Index("outbox_sent_idx", "sent", postgresql_where=text("sent IS NOT NULL")),
)

undertaking = Table(
    "undertaking",
    metadata,
    Column("id", Text, primary_key=True),
    Column("resources", Text, nullable=False),
    Column("due", _TIME, nullable=False),
    Column("undoing", Boolean, nullable=False, server_default=text("false")),
    Index(None, "due"),
)

leadership = Table(
    "leadership",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("since", _TIME, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
