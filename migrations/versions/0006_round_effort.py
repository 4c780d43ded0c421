"""What people gave for each round, kept when it closes, and per-category counts out of an index.

Revision: 0006
After: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# As `db.round_queries.effort_of` counts them.
_KEPT = """
    INSERT INTO round_effort (round_id, decisions, timed, seconds, median_seconds)
    SELECT round.id, count(decision.id), count(decision.seconds),
           coalesce(sum(least(decision.seconds, 60)) FILTER (WHERE decision.seconds IS NOT NULL), 0),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY least(decision.seconds, 60))
               FILTER (WHERE decision.seconds IS NOT NULL)
    FROM round
    LEFT JOIN proposal ON proposal.round_id = round.id
    LEFT JOIN decision ON decision.proposal_id = proposal.id AND decision.answer <> 'undo'
        AND proposal.picked_by IS DISTINCT FROM decision.user_id
    WHERE round.state = 'closed' GROUP BY round.id
"""


def upgrade() -> None:
    op.create_table(
        "round_effort",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("decisions", sa.Integer(), nullable=False),
        sa.Column("timed", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("median_seconds", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_round_effort_round_id")),
        sa.PrimaryKeyConstraint("round_id", name=op.f("pk_round_effort")),
    )
    op.execute(_KEPT)
    op.drop_index("ix_proposal_answer", table_name="proposal")
    op.create_index(
        "ix_proposal_answer",
        "proposal",
        ["round_id", "category_id", "answer"],
        unique=False,
        postgresql_include=["gold"],
    )


def downgrade() -> None:
    op.drop_index("ix_proposal_answer", table_name="proposal")
    op.create_index(
        "ix_proposal_answer", "proposal", ["round_id", "category_id", "answer"], unique=False
    )
    op.drop_table("round_effort")
