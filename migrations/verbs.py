"""The check of what may stand in `event.verb` grows with what can be done."""

import re
from collections.abc import Sequence

from alembic import op
from sqlalchemy import text

_KNOWN = "ck_event_verb_known"


def allow_verbs(added: Sequence[str]) -> None:
    """Allow these verbs after those that are allowed by now."""
    _allow([*_allowed(), *added])


def forbid_verbs(removed: Sequence[str]) -> None:
    """Take back `allow_verbs`; the events that have these verbs go."""
    table = op.get_bind()
    table.execute(text("DELETE FROM event WHERE verb = ANY (:removed)"), {"removed": list(removed)})
    _allow([verb for verb in _allowed() if verb not in removed])


def _allowed() -> list[str]:
    query = text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    definition: str = op.get_bind().execute(query, {"name": _KNOWN}).scalar_one()
    return re.findall(r"'([a-z-]+)'", definition)


def _allow(verbs: Sequence[str]) -> None:
    op.drop_constraint(op.f(_KNOWN), "event")
    op.create_check_constraint(op.f(_KNOWN), "event", f"verb IN ({', '.join(map(repr, verbs))})")
