"""Groups of near-duplicates, and memberships that are inherited within them.

Revision: 0021
After: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_NEW_VERBS = ["detach-near-duplicate", "attach-near-duplicate"]
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
    "import-images",
    "cancel-import",
    "advance-round",
    "open-round",
    "fail-round",
    "import-categories",
    "rename-category",
    "merge-categories",
    "split-category",
    "retire-category",
    "undo-category-change",
    "create-webhook",
    "change-webhook",
    "delete-webhook",
    "test-webhook",
    "send-again",
    "disable-webhook",
]


def _know(verbs: list[str]) -> None:
    name = op.f("ck_event_verb_known")
    op.drop_constraint(name, "event")
    op.create_check_constraint(name, "event", f"verb IN ({', '.join(map(repr, verbs))})")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "near_duplicate",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("representative_id", sa.Integer(), nullable=False),
        sa.Column("hash_distance", sa.Integer(), nullable=False),
        sa.Column("similarity", sa.REAL(), nullable=False),
        sa.Column("found_at", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("detached_at", moment, nullable=True),
        sa.Column("detached_by", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "image_id <> representative_id", name=op.f("ck_near_duplicate_two_images")
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_near_duplicate_image_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["representative_id"],
            ["image.id"],
            name=op.f("fk_near_duplicate_representative_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_near_duplicate_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["detached_by"], ["user.id"], name=op.f("fk_near_duplicate_detached_by")
        ),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_near_duplicate")),
    )
    op.create_index(
        "ix_near_duplicate_project_id_representative_id",
        "near_duplicate",
        ["project_id", "representative_id"],
    )
    op.create_index("ix_near_duplicate_representative_id", "near_duplicate", ["representative_id"])
    for table in ("example", "hard_negative"):
        op.add_column(table, sa.Column("inherited_from", sa.Integer(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_inherited_from"), table, "image", ["inherited_from"], ["id"]
        )
    _know([*_VERBS, *_NEW_VERBS])


def downgrade() -> None:
    op.execute("DELETE FROM event WHERE verb IN ('detach-near-duplicate', 'attach-near-duplicate')")
    _know(_VERBS)
    for table in ("hard_negative", "example"):
        op.drop_column(table, "inherited_from")
    op.drop_table("near_duplicate")
