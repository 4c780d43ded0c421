"""Coarse filters, negatives, and which filter scored a candidate.

Revision: 0026
After: 0025
"""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_NEW = {
    ("job", "kind"): ["train_filter"],
    ("event", "verb"): [
        "add-negatives",
        "remove-negative",
        "train-filter",
        "upload-filter",
        "move-threshold",
    ],
}


def _know(table: str, column: str, values: list[str]) -> None:
    name = op.f(f"ck_{table}_{column}_known")
    op.drop_constraint(name, table)
    op.create_check_constraint(name, table, f"{column} IN ({', '.join(map(repr, values))})")


def _known(table: str, column: str) -> list[str]:
    """What the column may hold now."""
    query = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    found = op.get_bind().execute(query, {"name": f"ck_{table}_{column}_known"}).scalar_one()
    return re.findall(r"'([^']+)'::text", found)


def upgrade() -> None:
    op.create_table(
        "coarse_filter",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("blob_key", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("facts", JSONB(), server_default="{}", nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, server_default=sa.func.now(), nullable=False),
        sa.Column("ready_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "origin IN ('trained', 'uploaded')", name=op.f("ck_coarse_filter_origin_known")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_coarse_filter_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["user.id"], name=op.f("fk_coarse_filter_created_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coarse_filter")),
    )
    op.create_index("ix_coarse_filter_project_id_id", "coarse_filter", ["project_id", "id"])
    op.create_table(
        "negative",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("from_pool", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", _MOMENT, server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint(
            "origin IN ('given', 'generic', 'marked')", name=op.f("ck_negative_origin_known")
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_negative_image_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_negative_project_id")
        ),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_negative")),
    )
    op.create_index("ix_negative_project_id_image_id", "negative", ["project_id", "image_id"])
    op.add_column("candidate", sa.Column("filter_id", sa.Integer(), nullable=True))
    op.create_index(
        "ix_candidate_domain_score",
        "candidate",
        ["project_id", "domain_score"],
        postgresql_where=sa.text("standing = 'open'"),
        postgresql_include=["filter_id"],
    )
    for (table, column), values in _NEW.items():
        _know(table, column, [*_known(table, column), *values])


def downgrade() -> None:
    for (table, column), values in _NEW.items():
        rows = sa.table(table, sa.column(column))
        op.execute(rows.delete().where(rows.c[column].in_(values)))
        _know(table, column, [each for each in _known(table, column) if each not in values])
    op.drop_index("ix_candidate_domain_score", "candidate")
    op.drop_column("candidate", "filter_id")
    op.execute("UPDATE candidate SET domain_score = NULL WHERE domain_score IS NOT NULL")
    op.drop_table("negative")
    op.drop_table("coarse_filter")
