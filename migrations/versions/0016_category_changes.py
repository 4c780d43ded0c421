"""Categories are renamed, merged, split and retired.

Revision: 0016
After: 0015
"""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_NEW = [
    "rename-category",
    "merge-categories",
    "split-category",
    "retire-category",
    "undo-category-change",
]
_CHECK = "ck_event_verb_known"
_NAME = "uq_category_project_id_name"


def _known() -> list[str]:
    found = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    return re.findall(r"'([^']+)'", op.get_bind().execute(found, {"name": _CHECK}).scalar_one())


def _know(verbs: list[str]) -> None:
    op.drop_constraint(op.f(_CHECK), "event")
    op.create_check_constraint(op.f(_CHECK), "event", f"verb IN ({', '.join(map(repr, verbs))})")


def upgrade() -> None:
    _know([*_known(), *_NEW])
    op.add_column("category", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index(_NAME, table_name="category")
    op.create_index(
        _NAME,
        "category",
        ["project_id", sa.literal_column("lower(name)")],
        unique=True,
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_table(
        "category_change",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("into_id", sa.Integer(), nullable=True),
        sa.Column("parts", sa.ARRAY(sa.Integer()), server_default="{}", nullable=False),
        sa.Column("stays", sa.Boolean(), server_default="false", nullable=False),
        sa.Column(
            "details",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
        sa.Column("before_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("undone_by", sa.Integer(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_version", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('rename', 'merge', 'split', 'retire')",
            name=op.f("ck_category_change_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_category_change_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["category_id"],
            ["category.id"],
            name=op.f("fk_category_change_category_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["into_id"], ["category.id"], name=op.f("fk_category_change_into_id")
        ),
        sa.ForeignKeyConstraint(["made_by"], ["user.id"], name=op.f("fk_category_change_made_by")),
        sa.ForeignKeyConstraint(
            ["undone_by"], ["user.id"], name=op.f("fk_category_change_undone_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category_change")),
    )
    op.create_index(
        "ix_category_change_project_id_id", "category_change", ["project_id", "id"], unique=False
    )
    for column in ("category_id", "into_id"):
        op.create_index(
            op.f(f"ix_category_change_{column}"), "category_change", [column], unique=False
        )


def downgrade() -> None:
    event = sa.table("event", sa.column("verb"))
    op.execute(sa.delete(event).where(event.c.verb.in_(_NEW)))
    _know([verb for verb in _known() if verb not in _NEW])
    op.drop_table("category_change")
    op.drop_index(_NAME, table_name="category")
    op.drop_column("category", "retired_at")
    op.create_index(
        _NAME, "category", ["project_id", sa.literal_column("lower(name)")], unique=True
    )
