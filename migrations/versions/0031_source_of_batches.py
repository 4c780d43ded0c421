"""What holds for the pictures of a batch that say nothing themselves.

Revision: 0031
After: 0030
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def _source() -> sa.Column[object]:
    return sa.Column("source", postgresql.JSONB(), server_default="{}", nullable=False)


def upgrade() -> None:
    op.add_column("batch", _source())
    op.execute(
        "UPDATE batch SET source = jsonb_strip_nulls(resumable_upload.source) "
        "FROM resumable_upload WHERE resumable_upload.batch_id = batch.id"
    )
    # An archive that is still on its way says it in what it was announced with.
    op.drop_column("resumable_upload", "source")


def downgrade() -> None:
    op.add_column("resumable_upload", _source())
    op.execute(
        "UPDATE resumable_upload SET source = batch.source "
        "FROM batch WHERE batch.id = resumable_upload.batch_id"
    )
    op.alter_column("resumable_upload", "source", server_default=None)
    op.drop_column("batch", "source")
