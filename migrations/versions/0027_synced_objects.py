"""What was synced from the operator's locations.

Revision: 0027
After: 0026
"""

import sqlalchemy as sa
from alembic import op

from migrations.verbs import allow_verbs, forbid_verbs

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_VERBS = ["sync-location"]


def upgrade() -> None:
    op.create_table(
        "synced_object",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_synced_object_project_id")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_synced_object_batch_id")),
        sa.PrimaryKeyConstraint("project_id", "location", "name", name=op.f("pk_synced_object")),
    )
    allow_verbs(_VERBS)


def downgrade() -> None:
    forbid_verbs(_VERBS)
    op.drop_table("synced_object")
