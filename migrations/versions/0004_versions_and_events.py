"""Going back to a dataset version, what a round replays from, and the event log.

Revision: 0004
After: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_VERBS = (
    "create-project", "change-project", "set-member", "create-category", "change-category",
    "delete-category", "seed-examples", "start-round", "close-round", "cancel-round", "roll-back",
    "export-dataset", "export-model",
)  # fmt: skip
# A round that added nothing made no version: what it trained on still held.
_MADE = """
    UPDATE round SET made_version = coalesce(
        (SELECT number FROM dataset_version WHERE dataset_version.round_id = round.id), trained_on
    )
    WHERE state = 'closed'
"""


def upgrade() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            f"verb IN ({', '.join(repr(verb) for verb in _VERBS)})",
            name=op.f("ck_event_verb_known"),
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_event_project_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_event_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_project_id_id", "event", ["project_id", "id"])
    op.create_index("ix_event_project_id_verb", "event", ["project_id", "verb", "id"])
    op.create_index("ix_event_project_id_user_id", "event", ["project_id", "user_id", "id"])
    op.add_column("dataset_version", sa.Column("restores", sa.Integer(), nullable=True))
    op.add_column("model_version", sa.Column("sha256", sa.Text(), nullable=True))
    op.add_column("round", sa.Column("candidates_key", sa.Text(), nullable=True))
    op.add_column("round", sa.Column("candidates_hash", sa.Text(), nullable=True))
    op.add_column(
        "round", sa.Column("dropped", sa.ARRAY(sa.Integer()), server_default="{}", nullable=False)
    )
    op.add_column("round", sa.Column("made_version", sa.Integer(), nullable=True))
    op.execute(_MADE)


def downgrade() -> None:
    for column in ("made_version", "dropped", "candidates_hash", "candidates_key"):
        op.drop_column("round", column)
    op.drop_column("model_version", "sha256")
    op.drop_column("dataset_version", "restores")
    op.drop_table("event")
