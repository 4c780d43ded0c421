"""The names of categories that each dataset version was frozen with.

Revision: 0003
After: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# What versions were frozen with before is not known: they get the names of today, which were
# theirs unless a category was renamed meanwhile.
_NAMES = """
    INSERT INTO version_category (version_id, category_id, name, scientific_name)
    SELECT version.id, category.id, category.name, category.scientific_name
    FROM dataset_version AS version
    JOIN category ON category.project_id = version.project_id
    WHERE EXISTS (
        SELECT FROM example AS member
        WHERE member.category_id = category.id AND member.from_version <= version.number
          AND (member.to_version IS NULL OR member.to_version > version.number)
    ) OR EXISTS (
        SELECT FROM hard_negative AS member
        WHERE member.category_id = category.id AND member.from_version <= version.number
          AND (member.to_version IS NULL OR member.to_version > version.number)
    )
"""


def upgrade() -> None:
    op.create_table(
        "version_category",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scientific_name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_version_category_category_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["dataset_version.id"],
            name=op.f("fk_version_category_version_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", "category_id", name=op.f("pk_version_category")),
    )
    op.create_index(
        op.f("ix_version_category_category_id"), "version_category", ["category_id"], unique=False
    )
    op.execute(_NAMES)


def downgrade() -> None:
    op.drop_index(op.f("ix_version_category_category_id"), table_name="version_category")
    op.drop_table("version_category")
