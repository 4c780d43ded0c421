"""Several labelers for a proposal, and earlier answers that are asked again.

Revision: 0005
After: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


_VERBS = [
    "create-project",
    "change-project",
    "set-member",
    "create-category",
    "change-category",
    "delete-category",
    "seed-examples",
    "start-round",
    "close-round",
    "cancel-round",
    "roll-back",
    "export-dataset",
    "export-model",
]
_NEW_VERBS = ["set-aside", "adjudicate"]


def _know(verbs: list[str]) -> None:
    op.drop_constraint(op.f("ck_event_verb_known"), "event")
    op.create_check_constraint(
        op.f("ck_event_verb_known"), "event", f"verb IN ({', '.join(map(repr, verbs))})"
    )


def upgrade() -> None:
    _know([*_VERBS, *_NEW_VERBS])
    for table in ("project", "round"):
        op.add_column(
            table, sa.Column("redundancy", sa.Integer(), server_default="1", nullable=False)
        )
        op.add_column(
            table, sa.Column("redundancy_for", sa.Text(), server_default="all", nullable=False)
        )
        op.add_column(
            table, sa.Column("audit_share", sa.Float(), server_default="0", nullable=False)
        )
    op.create_check_constraint(
        op.f("ck_project_redundancy_range"), "project", "redundancy >= 1 AND redundancy <= 5"
    )
    op.create_check_constraint(
        op.f("ck_project_redundancy_for_known"), "project", "redundancy_for IN ('all', 'risk')"
    )
    op.create_check_constraint(
        op.f("ck_project_audit_share_range"), "project", "audit_share >= 0 AND audit_share <= 0.2"
    )
    op.add_column("proposal", sa.Column("wanted", sa.Integer(), server_default="1", nullable=False))
    op.add_column("proposal", sa.Column("in_force", sa.Integer(), nullable=True))
    op.add_column("proposal", sa.Column("audits", sa.Integer(), nullable=True))
    op.create_foreign_key(op.f("fk_proposal_audits"), "proposal", "decision", ["audits"], ["id"])
    op.create_index(
        "ix_proposal_audits",
        "proposal",
        ["audits"],
        unique=False,
        postgresql_where=sa.text("audits IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("DELETE FROM event WHERE verb IN ('set-aside', 'adjudicate')")
    _know(_VERBS)
    op.drop_index("ix_proposal_audits", table_name="proposal")
    for column in ("audits", "in_force", "wanted"):
        op.drop_column("proposal", column)
    for table in ("project", "round"):
        for column in ("audit_share", "redundancy_for", "redundancy"):
            op.drop_column(table, column)
