"""What a lead sees of the categories: all of them, and one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from app.db.queries import Counts, counts
from app.db.tables import Category, Proposal, Round
from app.domain.decision import Answer
from app.domain.round import RoundState

LAST: Final = 3
"""The precision of a category is that of so many rounds: fewer say little, more are history."""


@dataclass(frozen=True)
class Standing:
    """A category: what it holds, the questions that are open, the answers of the last rounds."""

    id: int
    name: str
    scientific_name: str
    held: Counts
    open: int
    yes: int
    no: int

    @property
    def seeds(self) -> int:
        """Pictures to train on that no round has found."""
        return self.held.train - self.held.grown


def last_rounds(session: Session, project_id: int) -> Sequence[Round]:
    """The newest rounds that were or are labeled and count, the newest first."""
    return session.scalars(
        select(Round)
        .where(
            Round.project_id == project_id,
            Round.state.in_((RoundState.LABELING, RoundState.CLOSED)),
        )
        .order_by(Round.number.desc())
        .limit(LAST)
    ).all()


def standings(session: Session, project_id: int, rounds: Sequence[Round]) -> list[Standing]:
    """The categories that are not retired, by name; their answers are those of these rounds.

    Reads the proposals of these rounds out of one index (`ix_proposal_answer`), and not the pool.
    """
    held = counts(session, project_id)
    answered = _answered(session, rounds)
    rows = session.execute(
        select(Category.id, Category.name, Category.scientific_name)
        .where(Category.project_id == project_id, Category.retired_at.is_(None))
        .order_by(Category.name)
    )
    return [
        Standing(number, name, scientific, held.get(number, Counts()), *answered.get(number, _NONE))
        for number, name, scientific in rows
    ]


_NONE = (0, 0, 0)


def _answered(session: Session, rounds: Sequence[Round]) -> dict[int, tuple[int, int, int]]:
    """(open, yes, no) by category id; known questions are left out."""
    now = [each.id for each in rounds if each.state == RoundState.LABELING]
    rows = session.execute(
        select(
            Proposal.category_id,
            func.count().filter(Proposal.answer.is_(None)),
            func.count().filter(Proposal.answer == Answer.YES),
            func.count().filter(Proposal.answer == Answer.NO),
        )
        .where(
            Proposal.round_id.in_([each.id for each in rounds]),
            Proposal.gold.is_(None),
            or_(
                Proposal.answer.in_((Answer.YES, Answer.NO)),
                and_(Proposal.answer.is_(None), Proposal.round_id.in_(now)),
            ),
        )
        .group_by(Proposal.category_id)
    )
    return {category_id: (waiting, yes, no) for category_id, waiting, yes, no in rows}
