"""Exemplars that leads choose by hand, and those that a round began with.

Revision: 0015
After: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chosen_exemplar",
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_chosen_exemplar_category_id")
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["image.id"],
            name=op.f("fk_chosen_exemplar_image_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("category_id", "position", name=op.f("pk_chosen_exemplar")),
    )
    op.create_index(op.f("ix_chosen_exemplar_image_id"), "chosen_exemplar", ["image_id"])
    op.add_column(
        "exemplar", sa.Column("by_hand", sa.Boolean(), nullable=False, server_default="false")
    )
    op.drop_constraint(op.f("pk_exemplar"), "exemplar")
    op.create_primary_key(
        op.f("pk_exemplar"), "exemplar", ["round_id", "category_id", "by_hand", "position"]
    )


def downgrade() -> None:
    op.execute("DELETE FROM exemplar WHERE by_hand")
    op.drop_constraint(op.f("pk_exemplar"), "exemplar")
    op.create_primary_key(op.f("pk_exemplar"), "exemplar", ["round_id", "category_id", "position"])
    op.drop_column("exemplar", "by_hand")
    op.drop_table("chosen_exemplar")
