"""How a project divides pictures that come without a split.

Revision: 0009
After: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_COLUMNS = {"test_percent": "20", "most_tests": "20", "least_train": "5"}


def upgrade() -> None:
    for column, default in _COLUMNS.items():
        op.add_column(
            "project", sa.Column(column, sa.Integer(), server_default=default, nullable=False)
        )
    op.create_check_constraint(
        op.f("ck_project_test_percent_range"), "project", "test_percent >= 0 AND test_percent <= 50"
    )
    op.create_check_constraint(
        op.f("ck_project_most_tests_range"), "project", "most_tests >= 0 AND most_tests <= 100000"
    )
    op.create_check_constraint(
        op.f("ck_project_least_train_range"),
        "project",
        "least_train >= 0 AND least_train <= 100000",
    )


def downgrade() -> None:
    for column in _COLUMNS:
        op.drop_column("project", column)
