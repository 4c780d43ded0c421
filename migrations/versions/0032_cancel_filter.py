"""Work on a coarse filter can be stopped.

Revision: 0032
After: 0031
"""

from migrations.verbs import allow_verbs, forbid_verbs

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_VERBS = ["cancel-filter"]


def upgrade() -> None:
    allow_verbs(_VERBS)


def downgrade() -> None:
    forbid_verbs(_VERBS)
