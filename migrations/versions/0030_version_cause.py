"""What made each dataset version.

Revision: 0030
After: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_CAUSES = (
    "seeds",
    "edits",
    "round",
    "category-change",
    "category-undo",
    "takedown",
    "withdrawal",
    "restore",
    "roll-back",
    "unknown",
)
# What can be told for certain. The log's entry of what was done is of the same transaction as the
# last version that this made, and so of the same moment.
_TELL = """
    UPDATE dataset_version AS version SET cause = CASE
        WHEN restores IS NOT NULL THEN 'roll-back'
        WHEN round_id IS NOT NULL THEN 'round'
        WHEN EXISTS (
            SELECT FROM category_change AS change
            WHERE change.project_id = version.project_id AND change.version = version.number
              AND change.before_version < change.version AND change.kind <> 'rename'
        ) THEN 'category-change'
        WHEN last_of_its_moment AND verb = 'undo-category-change' THEN 'category-undo'
        WHEN last_of_its_moment AND verb = 'take-down' THEN 'takedown'
        WHEN last_of_its_moment AND verb = 'withdraw-batch' THEN 'withdrawal'
        WHEN last_of_its_moment AND verb = 'restore-batch' THEN 'restore'
        WHEN EXISTS (
            SELECT FROM example AS seed
            WHERE seed.project_id = version.project_id AND seed.from_version = version.number
              AND seed.round_id IS NULL AND seed.inherited_from IS NULL
              AND NOT EXISTS (
                SELECT FROM example AS earlier
                WHERE earlier.image_id = seed.image_id AND earlier.id < seed.id
              )
        ) THEN 'seeds'
        ELSE 'unknown'
    END
    FROM (
        SELECT made.id,
               max(made.number) OVER (PARTITION BY made.project_id, made.created_at) = made.number
                   AS last_of_its_moment,
               (SELECT min(verb) FROM event
                WHERE event.project_id = made.project_id AND event.created_at = made.created_at
                  AND verb IN ('undo-category-change', 'take-down', 'withdraw-batch', 'restore-batch'))
                   AS verb
        FROM dataset_version AS made
    ) AS told
    WHERE told.id = version.id
"""


def upgrade() -> None:
    op.add_column("dataset_version", sa.Column("cause", sa.Text(), nullable=True))
    op.execute(_TELL)
    op.alter_column("dataset_version", "cause", nullable=False)
    allowed = ", ".join(map(repr, _CAUSES))
    op.create_check_constraint(
        op.f("ck_dataset_version_cause_known"), "dataset_version", f"cause IN ({allowed})"
    )


def downgrade() -> None:
    op.drop_column("dataset_version", "cause")
