"""Batches are withdrawn and brought back.

Revision: 0024
After: 0023
"""

import sqlalchemy as sa
from alembic import op

from migrations.verbs import allow_verbs, forbid_verbs

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_VERBS = ["create-batch", "finish-batch", "cancel-batch", "withdraw-batch", "restore-batch"]


def upgrade() -> None:
    allow_verbs(_VERBS)
    op.add_column("batch", sa.Column("withdrawn_version", sa.Integer(), nullable=True))
    op.create_table(
        "withdrawn_image",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("to_pool", sa.Boolean(), nullable=False),
        sa.Column("last_round", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_withdrawn_image_image_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batch.id"], name=op.f("fk_withdrawn_image_batch_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_withdrawn_image")),
    )
    op.create_index(
        op.f("ix_withdrawn_image_batch_id"), "withdrawn_image", ["batch_id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("withdrawn_image")
    op.drop_column("batch", "withdrawn_version")
    forbid_verbs(_VERBS)
