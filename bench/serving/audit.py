"""Whether the database holds what the labelers were told it holds, once and no more."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from app.db.tables import Decision
from app.domain.decision import Answer
from bench.serving.labeler import Acknowledged


@dataclass(frozen=True)
class Audit:
    """What was found.

    Attributes:
        decisions: Rows, undos among them.
        doubled: Keys with several rows or several ids, users with several answers in force to one
            proposal, and proposals with several sure answers in force.
        lost: Acknowledged decisions that are not there, or say something else.
    """

    decisions: int
    doubled: int
    lost: int


def audit(session: Session, acknowledged: Sequence[Acknowledged]) -> Audit:
    """Compare; reads every decision of the database."""
    rows = session.execute(
        select(
            Decision.id,
            Decision.user_id,
            Decision.proposal_id,
            Decision.answer,
            Decision.idempotency_key,
        )
    ).all()
    stored = {row.idempotency_key: tuple(row) for row in rows}
    lost = sum(
        stored.get(each.key)
        != (each.decision_id, each.user_id, each.proposal_id, each.answer, each.key)
        for each in set(acknowledged)
    )
    keys = Counter((row.user_id, row.idempotency_key) for row in rows)
    told: dict[str, set[int]] = {}
    for each in acknowledged:
        told.setdefault(each.key, set()).add(each.decision_id)
    doubled = (
        sum(number > 1 for number in keys.values())
        + sum(len(ids) > 1 for ids in told.values())
        + _doubled_in_force(session)
    )
    return Audit(len(rows), doubled, lost)


def _doubled_in_force(session: Session) -> int:
    undo = aliased(Decision)
    in_force = (
        select(Decision)
        .where(
            Decision.answer != Answer.UNDO,
            ~select(undo.id).where(undo.undoes_id == Decision.id).exists(),
        )
        .subquery()
    )
    by_one = (
        select(in_force.c.proposal_id)
        .group_by(in_force.c.proposal_id, in_force.c.user_id)
        .having(func.count() > 1)
    )
    # Somebody who is unsure passes a proposal on: then a second answer in force is meant.
    sure = (
        select(in_force.c.proposal_id)
        .where(in_force.c.answer != Answer.UNSURE)
        .group_by(in_force.c.proposal_id)
        .having(func.count() > 1)
    )
    return sum(len(session.execute(query).all()) for query in (by_one, sure))
