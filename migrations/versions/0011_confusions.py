"""What each model version took its test pictures for, and what labelers picked, out of an index.

Revision: 0011
After: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "confusion",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("taken_for_id", sa.Integer(), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_confusion_category_id")
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model_version.id"], name=op.f("fk_confusion_model_id")
        ),
        sa.ForeignKeyConstraint(
            ["taken_for_id"], ["category.id"], name=op.f("fk_confusion_taken_for_id")
        ),
        sa.PrimaryKeyConstraint(
            "model_id", "category_id", "taken_for_id", name=op.f("pk_confusion")
        ),
    )
    op.create_index("ix_confusion_model_id_taken_for_id", "confusion", ["model_id", "taken_for_id"])
    op.create_index(
        "ix_decision_picked_category_id",
        "decision",
        ["picked_category_id"],
        postgresql_where=sa.text("picked_category_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_decision_picked_category_id", table_name="decision")
    op.drop_table("confusion")
