"""Takedowns, the tombstones that keep pictures out, and the bytes that wait to be erased.

Revision: 0023
After: 0022
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.verbs import allow_verbs, forbid_verbs

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_VERBS = ["take-down", "lift-takedown"]
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    allow_verbs(_VERBS)
    op.create_table(
        "takedown",
        sa.Column("id", sa.Integer, sa.Identity(always=True)),
        sa.Column("project_id", sa.Integer),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("effect", JSONB, nullable=False, server_default="{}"),
        sa.Column("made_by", sa.Integer),
        sa.Column("created_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("lifted_by", sa.Integer),
        sa.Column("lifted_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_takedown")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_takedown_project_id")
        ),
        sa.ForeignKeyConstraint(["made_by"], ["user.id"], name=op.f("fk_takedown_made_by")),
        sa.ForeignKeyConstraint(["lifted_by"], ["user.id"], name=op.f("fk_takedown_lifted_by")),
        sa.CheckConstraint("kind IN ('picture', 'address')", name=op.f("ck_takedown_kind_known")),
    )
    op.create_index("ix_takedown_project_id_id", "takedown", ["project_id", "id"])
    op.create_table(
        "tombstone",
        sa.Column("takedown_id", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("project_id", sa.Integer),
        sa.Column("lifted", sa.Boolean, nullable=False, server_default="false"),
        sa.PrimaryKeyConstraint("takedown_id", "key", name=op.f("pk_tombstone")),
        sa.ForeignKeyConstraint(
            ["takedown_id"],
            ["takedown.id"],
            name=op.f("fk_tombstone_takedown_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_tombstone_project_id")
        ),
    )
    op.create_index("ix_tombstone_key", "tombstone", ["key"])
    op.create_table(
        "erasure",
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_erasure")),
    )
    op.add_column("image", sa.Column("taken_down_at", _MOMENT))
    op.create_index(
        "ix_image_taken_down",
        "image",
        ["project_id"],
        postgresql_include=["id"],
        postgresql_where=sa.text("taken_down_at IS NOT NULL"),
    )
    op.create_index("ix_source_url", "source", ["url"], postgresql_using="hash")
    for table in ("example", "hard_negative"):
        op.create_index(
            f"ix_{table}_image_id_ended",
            table,
            ["image_id"],
            postgresql_where=sa.text("to_version IS NOT NULL"),
        )


def downgrade() -> None:
    for table in ("hard_negative", "example"):
        op.drop_index(f"ix_{table}_image_id_ended", table)
    op.drop_index("ix_source_url", "source")
    op.drop_index("ix_image_taken_down", "image")
    op.drop_column("image", "taken_down_at")
    for table in ("erasure", "tombstone", "takedown"):
        op.drop_table(table)
    forbid_verbs(_VERBS)
