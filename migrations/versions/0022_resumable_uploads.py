"""Archives that are received in pieces.

Revision: 0022
After: 0021
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.verbs import allow_verbs, forbid_verbs

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_VERBS = ("send-archive",)


def upgrade() -> None:
    allow_verbs(_VERBS)
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "resumable_upload",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("metadata_said", sa.Text(), nullable=True),
        sa.Column("source", postgresql.JSONB(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("created_at", moment, server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_resumable_upload_project_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_resumable_upload_user_id")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batch.id"], name=op.f("fk_resumable_upload_batch_id")
        ),
        sa.UniqueConstraint("batch_id", name=op.f("uq_resumable_upload_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resumable_upload")),
    )
    op.create_index(
        "ix_resumable_upload_open",
        "resumable_upload",
        ["user_id"],
        postgresql_where=sa.text("batch_id IS NULL"),
    )
    op.create_index("ix_resumable_upload_expires_at", "resumable_upload", ["expires_at"])


def downgrade() -> None:
    forbid_verbs(_VERBS)
    op.drop_table("resumable_upload")
