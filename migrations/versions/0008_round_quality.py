"""How well each round is labeled, counted by a worker, and an index of what contradicts.

Revision: 0008
After: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "round_quality",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("outdated", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answers", sa.Integer(), server_default="0", nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_round_quality_round_id")),
        sa.PrimaryKeyConstraint("round_id", name=op.f("pk_round_quality")),
    )
    op.create_index(
        "ix_proposal_contradicts",
        "proposal",
        ["round_id", "position"],
        unique=False,
        postgresql_where=sa.text("audits IS NOT NULL AND answer <> gold AND NOT adjudicated"),
    )


def downgrade() -> None:
    op.drop_index("ix_proposal_contradicts", table_name="proposal")
    op.drop_table("round_quality")
