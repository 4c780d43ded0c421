"""Lists of addresses that the server fetches; deaths of workers are counted since a job last got on.

Revision: 0025
After: 0024
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.verbs import allow_verbs, forbid_verbs

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_VERBS = ["fetch-addresses", "fetch-again"]


def upgrade() -> None:
    allow_verbs(_VERBS)
    op.add_column("job", sa.Column("lapses", sa.Integer(), server_default="0", nullable=False))
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "address",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("licence", sa.Text(), nullable=True),
        sa.Column("crawled_at", moment, nullable=True),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'stored', 'duplicate', 'rejected')",
            name=op.f("ck_address_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batch.id"], name=op.f("fk_address_batch_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_id", "position", name=op.f("pk_address")),
        sa.UniqueConstraint("batch_id", "key", name=op.f("uq_address_batch_id_key")),
    )
    op.create_index(
        "ix_address_waiting",
        "address",
        ["batch_id", "host", "due_at", "position"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "fetched",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_fetched_project_id")),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_fetched_image_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "key", name=op.f("pk_fetched")),
    )
    op.create_index(op.f("ix_fetched_image_id"), "fetched", ["image_id"])
    op.create_table(
        "web_host",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("next_at", moment, nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_web_host")),
    )


def downgrade() -> None:
    op.drop_table("web_host")
    op.drop_table("fetched")
    op.drop_table("address")
    op.drop_column("job", "lapses")
    forbid_verbs(_VERBS)
