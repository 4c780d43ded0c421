"""The labeler's seat: stages, reasons, picks, grids, contrasts, gold, tallies, preferences.

Revision: 0002
After: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What rounds hold already, in the words of this schema.
_ANSWERED_BY = """
    UPDATE proposal SET answered_by = decision.user_id FROM decision
    WHERE proposal.answer IS NOT NULL
      AND decision.proposal_id = proposal.id AND decision.ordinal = proposal.decisions
"""
_TALLIES = """
    INSERT INTO tally (round_id, user_id, yes, no, unsure)
    SELECT round_id, answered_by,
           count(*) FILTER (WHERE answer = 'yes'),
           count(*) FILTER (WHERE answer = 'no'),
           count(*) FILTER (WHERE answer = 'unsure')
    FROM proposal WHERE answer IS NOT NULL GROUP BY round_id, answered_by
"""


def upgrade() -> None:
    op.create_table(
        "round_category",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("proposals", sa.Integer(), nullable=False),
        sa.Column("expected_precision", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_round_category_category_id")
        ),
        sa.ForeignKeyConstraint(
            ["round_id"], ["round.id"], name=op.f("fk_round_category_round_id")
        ),
        sa.PrimaryKeyConstraint("round_id", "category_id", name=op.f("pk_round_category")),
    )
    op.create_table(
        "tally",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("yes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("no", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unsure", sa.Integer(), server_default="0", nullable=False),
        sa.Column("gold", sa.Integer(), server_default="0", nullable=False),
        sa.Column("passed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("picked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("to_lead", sa.Integer(), server_default="0", nullable=False),
        sa.Column("barred", sa.Integer(), server_default="0", nullable=False),
        sa.Column("barred_at_lead", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_tally_round_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_tally_user_id")),
        sa.PrimaryKeyConstraint("round_id", "user_id", name=op.f("pk_tally")),
    )
    op.create_table(
        "contrast",
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("exemplars", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("confusable_id", sa.Integer(), nullable=True),
        sa.Column("confusable_exemplars", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("rejected", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("likely", sa.ARRAY(sa.Integer()), nullable=False),
        sa.ForeignKeyConstraint(
            ["confusable_id"], ["category.id"], name=op.f("fk_contrast_confusable_id")
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_contrast_proposal_id")
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_contrast")),
    )
    op.add_column("decision", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("decision", sa.Column("picked_category_id", sa.Integer(), nullable=True))
    op.add_column("decision", sa.Column("picked_id", sa.Integer(), nullable=True))
    op.add_column("decision", sa.Column("stage", sa.Text(), server_default="first", nullable=False))
    op.create_foreign_key(
        op.f("fk_decision_picked_category_id"),
        "decision",
        "category",
        ["picked_category_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("fk_decision_picked_id"), "decision", "proposal", ["picked_id"], ["id"]
    )
    op.add_column(
        "project", sa.Column("grid_above", sa.Double(), server_default="0.9", nullable=True)
    )
    op.add_column(
        "project", sa.Column("grid_below", sa.Double(), server_default="0.1", nullable=True)
    )
    op.add_column(
        "project", sa.Column("picked", sa.Text(), server_default="another", nullable=False)
    )
    op.add_column(
        "project", sa.Column("gold_share", sa.Double(), server_default="0", nullable=False)
    )
    op.add_column(
        "project", sa.Column("show_gold", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column(
        "project",
        sa.Column("show_confidence", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column(
        "project", sa.Column("show_others", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column("proposal", sa.Column("gold", sa.Text(), nullable=True))
    op.add_column("proposal", sa.Column("answered_by", sa.Integer(), nullable=True))
    op.add_column("proposal", sa.Column("stage", sa.Text(), server_default="first", nullable=False))
    op.add_column("proposal", sa.Column("picked_by", sa.Integer(), nullable=True))
    op.add_column(
        "proposal", sa.Column("barred", sa.ARRAY(sa.Integer()), server_default="{}", nullable=False)
    )
    op.alter_column(
        "proposal", "confidence", existing_type=sa.DOUBLE_PRECISION(precision=53), nullable=True
    )
    op.drop_constraint(op.f("uq_proposal_round_id_image_id"), "proposal", type_="unique")
    op.create_index(
        "ix_proposal_grid",
        "proposal",
        ["round_id", "category_id", "position"],
        unique=False,
        postgresql_where=sa.text("answer IS NULL AND stage = 'first'"),
    )
    op.create_index("ix_proposal_image_id", "proposal", ["image_id"], unique=False)
    op.create_index(
        "ix_proposal_waiting",
        "proposal",
        ["round_id", "stage", "position"],
        unique=False,
        postgresql_where=sa.text("answer IS NULL AND stage <> 'first'"),
    )
    op.create_unique_constraint(
        op.f("uq_proposal_round_id_image_id_category_id"),
        "proposal",
        ["round_id", "image_id", "category_id"],
    )
    op.create_foreign_key(op.f("fk_proposal_picked_by"), "proposal", "user", ["picked_by"], ["id"])
    op.create_foreign_key(
        op.f("fk_proposal_answered_by"), "proposal", "user", ["answered_by"], ["id"]
    )
    op.add_column("round", sa.Column("gold_share", sa.Double(), server_default="0", nullable=False))
    op.add_column("round", sa.Column("gold", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "user", sa.Column("preferences", postgresql.JSONB(), server_default="{}", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_project_grid_above_range"), "project", "grid_above >= 0 AND grid_above <= 1"
    )
    op.create_check_constraint(
        op.f("ck_project_grid_below_range"), "project", "grid_below >= 0 AND grid_below <= 1"
    )
    op.create_check_constraint(
        op.f("ck_project_gold_share_range"), "project", "gold_share >= 0 AND gold_share <= 0.2"
    )
    op.create_check_constraint(
        op.f("ck_project_picked_known"), "project", "picked IN ('same', 'another')"
    )
    op.create_check_constraint(
        op.f("ck_proposal_stage_known"), "proposal", "stage IN ('first', 'second', 'lead')"
    )
    op.create_check_constraint(op.f("ck_proposal_gold_known"), "proposal", "gold IN ('yes', 'no')")
    op.create_check_constraint(
        op.f("ck_decision_reason_known"),
        "decision",
        "reason IN ('other-category', 'unknown-species', 'not-in-domain', 'bad-picture')",
    )
    op.create_check_constraint(
        op.f("ck_decision_stage_known"), "decision", "stage IN ('first', 'second', 'lead')"
    )
    op.execute(_ANSWERED_BY)
    op.execute(_TALLIES)


def downgrade() -> None:
    # A round in which a category was picked does not fit the older schema: this then fails.
    op.execute("UPDATE proposal SET confidence = 0 WHERE confidence IS NULL")
    op.drop_column("user", "preferences")
    op.drop_column("round", "gold")
    op.drop_column("round", "gold_share")
    op.drop_constraint(op.f("fk_proposal_answered_by"), "proposal", type_="foreignkey")
    op.drop_constraint(op.f("fk_proposal_picked_by"), "proposal", type_="foreignkey")
    op.drop_constraint(
        op.f("uq_proposal_round_id_image_id_category_id"), "proposal", type_="unique"
    )
    op.drop_index(
        "ix_proposal_waiting",
        table_name="proposal",
        postgresql_where=sa.text("answer IS NULL AND stage <> 'first'"),
    )
    op.drop_index("ix_proposal_image_id", table_name="proposal")
    op.drop_index(
        "ix_proposal_grid",
        table_name="proposal",
        postgresql_where=sa.text("answer IS NULL AND stage = 'first'"),
    )
    op.create_unique_constraint(
        op.f("uq_proposal_round_id_image_id"),
        "proposal",
        ["round_id", "image_id"],
        postgresql_nulls_not_distinct=False,
    )
    op.alter_column(
        "proposal", "confidence", existing_type=sa.DOUBLE_PRECISION(precision=53), nullable=False
    )
    op.drop_column("proposal", "barred")
    op.drop_column("proposal", "picked_by")
    op.drop_column("proposal", "stage")
    op.drop_column("proposal", "answered_by")
    op.drop_column("proposal", "gold")
    op.drop_column("project", "show_others")
    op.drop_column("project", "show_confidence")
    op.drop_column("project", "show_gold")
    op.drop_column("project", "gold_share")
    op.drop_column("project", "picked")
    op.drop_column("project", "grid_below")
    op.drop_column("project", "grid_above")
    op.drop_constraint(op.f("fk_decision_picked_id"), "decision", type_="foreignkey")
    op.drop_constraint(op.f("fk_decision_picked_category_id"), "decision", type_="foreignkey")
    op.drop_column("decision", "stage")
    op.drop_column("decision", "picked_id")
    op.drop_column("decision", "picked_category_id")
    op.drop_column("decision", "reason")
    op.drop_table("contrast")
    op.drop_table("tally")
    op.drop_table("round_category")
