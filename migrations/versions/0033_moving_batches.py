"""Batches are withdrawn and brought back by a worker.

Revision: 0033
After: 0032
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_KINDS = [
    "embed_pool", "train_round", "score_pool", "derive_pictures", "draw_map", "import_images",
    "ingest_archive", "fetch_addresses", "sync_location", "screen_pool", "train_filter",
]  # fmt: skip


def _allow(kinds: list[str]) -> None:
    op.drop_constraint(op.f("ck_job_kind_known"), "job")
    op.create_check_constraint(
        op.f("ck_job_kind_known"), "job", f"kind IN ({', '.join(map(repr, kinds))})"
    )


def upgrade() -> None:
    _allow([*_KINDS, "move_batch"])
    op.add_column("batch", sa.Column("moving", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_batch_moving_known"), "batch", "moving IN ('leaving', 'returning')"
    )
    op.add_column("batch", sa.Column("withdrawal", JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("batch", "withdrawal")
    op.drop_column("batch", "moving")
    op.execute("DELETE FROM job WHERE kind = 'move_batch'")
    _allow(_KINDS)
