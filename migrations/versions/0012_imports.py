"""Imports of labelled pictures, and the jobs that do them.

Revision: 0012
After: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
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
    "set-aside",
    "adjudicate",
]
_NEW_VERBS = ["import-images", "cancel-import"]
_KINDS = ["embed_pool", "train_round", "score_pool", "derive_pictures", "draw_map"]
_NEW_KINDS = ["import_images"]


def _know(table: str, column: str, values: list[str]) -> None:
    name = op.f(f"ck_{table}_{column}_known")
    op.drop_constraint(name, table)
    op.create_check_constraint(name, table, f"{column} IN ({', '.join(map(repr, values))})")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "import",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("blob_key", sa.Text(), nullable=True),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        sa.Column("preview", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("counts", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("reasons", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("categories_created", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("started_at", moment, nullable=True),
        sa.Column("finished_at", moment, nullable=True),
        sa.CheckConstraint(
            "state IN ('ready', 'running', 'done', 'failed', 'cancelled')",
            name=op.f("ck_import_state_known"),
        ),
        sa.CheckConstraint(
            "format IN ('imagefolder', 'csv', 'coco', 'fiftyone', 'labelstudio')",
            name=op.f("ck_import_format_known"),
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_import_project_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_import_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import")),
    )
    op.create_index("ix_import_project_id_id", "import", ["project_id", "id"])
    op.create_index(
        "ix_import_kept", "import", ["state"], postgresql_where=sa.text("blob_key IS NOT NULL")
    )
    op.create_table(
        "import_refusal",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["import.id"],
            name=op.f("fk_import_refusal_import_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("import_id", "position", name=op.f("pk_import_refusal")),
    )
    op.alter_column("job", "round_id", nullable=True)
    op.add_column("job", sa.Column("import_id", sa.Integer(), nullable=True))
    op.create_foreign_key(op.f("fk_job_import_id"), "job", "import", ["import_id"], ["id"])
    op.create_unique_constraint(op.f("uq_job_import_id"), "job", ["import_id"])
    op.create_check_constraint(
        op.f("ck_job_one_owner"), "job", "num_nonnulls(round_id, import_id) = 1"
    )
    _know("job", "kind", [*_KINDS, *_NEW_KINDS])
    _know("event", "verb", [*_VERBS, *_NEW_VERBS])


def downgrade() -> None:
    op.execute("DELETE FROM event WHERE verb IN ('import-images', 'cancel-import')")
    op.execute("DELETE FROM job WHERE import_id IS NOT NULL")
    _know("event", "verb", _VERBS)
    _know("job", "kind", _KINDS)
    op.drop_constraint(op.f("ck_job_one_owner"), "job")
    op.drop_column("job", "import_id")
    op.alter_column("job", "round_id", nullable=False)
    op.drop_table("import_refusal")
    op.drop_table("import")
