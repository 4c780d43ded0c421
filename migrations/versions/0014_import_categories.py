"""The log knows that categories are imported.

Revision: 0014
After: 0013
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_VERB = "import-categories"
_CHECK = "ck_event_verb_known"


def _known() -> list[str]:
    found = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    return re.findall(r"'([^']+)'", op.get_bind().execute(found, {"name": _CHECK}).scalar_one())


def _know(verbs: list[str]) -> None:
    op.drop_constraint(op.f(_CHECK), "event")
    op.create_check_constraint(op.f(_CHECK), "event", f"verb IN ({', '.join(map(repr, verbs))})")


def upgrade() -> None:
    _know([*_known(), _VERB])


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM event WHERE verb = :verb").bindparams(verb=_VERB))
    _know([verb for verb in _known() if verb != _VERB])
