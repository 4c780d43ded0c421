"""A version keeps its datasheet, and the rows that begin or end with it are found by an index.

Revision: 0018
After: 0017
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_KEYS = {
    "example": ["image_id", "category_id", "split", "to_version"],
    "hard_negative": ["image_id", "category_id", "to_version"],
}


def upgrade() -> None:
    op.add_column("dataset_version", sa.Column("datasheet", JSONB))
    for table, keys in _KEYS.items():
        op.create_index(
            f"ix_{table}_project_id_from_version",
            table,
            ["project_id", "from_version"],
            postgresql_include=keys,
        )
        op.create_index(
            f"ix_{table}_project_id_to_version",
            table,
            ["project_id", "to_version"],
            postgresql_where=sa.text("to_version IS NOT NULL"),
        )


def downgrade() -> None:
    for table in _KEYS:
        op.drop_index(f"ix_{table}_project_id_to_version", table)
        op.drop_index(f"ix_{table}_project_id_from_version", table)
    op.drop_column("dataset_version", "datasheet")
