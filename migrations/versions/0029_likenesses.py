"""What images are looked up by, and leaks of the test split.

Revision: 0029
After: 0028
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.verbs import allow_verbs, forbid_verbs

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_VERBS = ["release-leak", "quarantine-leak"]


def upgrade() -> None:
    allow_verbs(_VERBS)
    op.add_column(
        "project",
        sa.Column("examples_screened", sa.Integer(), server_default="0", nullable=False),
    )
    op.create_table(
        "neighbourhood",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("landmarks", sa.Integer(), nullable=False),
        sa.Column("blob_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_neighbourhood_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_neighbourhood")),
        sa.UniqueConstraint(
            "project_id", "fingerprint", name=op.f("uq_neighbourhood_project_id_fingerprint")
        ),
    )
    op.create_table(
        "likeness",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("neighbourhood_id", sa.Integer(), nullable=False),
        sa.Column("cell", sa.Integer(), nullable=False),
        sa.Column("code", postgresql.BIT(256), nullable=False),
        sa.Column("hash", sa.BigInteger(), nullable=False),
        sa.Column("plane", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_likeness_image_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_likeness_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["neighbourhood_id"],
            ["neighbourhood.id"],
            name=op.f("fk_likeness_neighbourhood_id"),
        ),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_likeness")),
    )
    for band in range(4):
        op.create_index(
            f"ix_likeness_band_{band}",
            "likeness",
            ["project_id", sa.text(f"((hash >> {16 * band}) & 65535)")],
        )
    op.create_index(
        "ix_likeness_neighbourhood_id_cell",
        "likeness",
        ["neighbourhood_id", "cell"],
        postgresql_include=["image_id", "code"],
    )
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "leak",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("test_image_id", sa.Integer(), nullable=False),
        sa.Column("hash_distance", sa.Integer(), nullable=False),
        sa.Column("similarity", sa.REAL(), nullable=False),
        sa.Column("found_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("released_at", moment, nullable=True),
        sa.Column("released_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_leak_image_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["test_image_id"], ["image.id"], name=op.f("fk_leak_test_image_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_leak_project_id")),
        sa.ForeignKeyConstraint(["released_by"], ["user.id"], name=op.f("fk_leak_released_by")),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_leak")),
    )
    op.create_index("ix_leak_project_id_image_id", "leak", ["project_id", "image_id"])
    op.create_index("ix_leak_test_image_id", "leak", ["test_image_id"])


def downgrade() -> None:
    op.drop_table("leak")
    op.drop_table("likeness")
    op.drop_table("neighbourhood")
    op.drop_column("project", "examples_screened")
    forbid_verbs(_VERBS)
