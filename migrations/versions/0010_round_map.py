"""The map of a round, and the job that draws it.

Revision: 0010
After: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_KINDS = ["embed_pool", "train_round", "score_pool", "derive_pictures"]


def _know(kinds: list[str]) -> None:
    op.drop_constraint(op.f("ck_job_kind_known"), "job")
    op.create_check_constraint(
        op.f("ck_job_kind_known"), "job", f"kind IN ({', '.join(map(repr, kinds))})"
    )


def upgrade() -> None:
    op.create_table(
        "round_map",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("points_hash", sa.Text(), nullable=False),
        sa.Column("images_hash", sa.Text(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("training", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("proposed", sa.Integer(), nullable=False),
        sa.Column("others", sa.Integer(), nullable=False),
        sa.Column("category_ids", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("variance_x", sa.Float(), nullable=False),
        sa.Column("variance_y", sa.Float(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_round_map_round_id")),
        sa.PrimaryKeyConstraint("round_id", name=op.f("pk_round_map")),
    )
    _know([*_KINDS, "draw_map"])


def downgrade() -> None:
    op.execute("DELETE FROM job WHERE kind = 'draw_map'")
    _know(_KINDS)
    op.drop_table("round_map")
