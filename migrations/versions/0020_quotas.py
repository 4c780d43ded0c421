"""What a token may bring in a day, and what it brought.

Revision: 0020
After: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_token", sa.Column("most_images", sa.Integer(), nullable=True))
    op.add_column("api_token", sa.Column("most_bytes", sa.BigInteger(), nullable=True))
    op.create_table(
        "token_use",
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_id"], ["api_token.id"], name=op.f("fk_token_use_token_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_id", "day", name=op.f("pk_token_use")),
    )


def downgrade() -> None:
    op.drop_table("token_use")
    op.drop_column("api_token", "most_bytes")
    op.drop_column("api_token", "most_images")
