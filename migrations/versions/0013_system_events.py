"""What workers do to a round is written down, too.

Revision: 0013
After: 0012
"""

from migrations.verbs import allow_verbs, forbid_verbs

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_VERBS = ["advance-round", "open-round", "fail-round"]


def upgrade() -> None:
    allow_verbs(_VERBS)


def downgrade() -> None:
    forbid_verbs(_VERBS)
