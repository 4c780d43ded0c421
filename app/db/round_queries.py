"""The numbers of rounds that only leads see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.orm import Session

from app.db.queries import CURVES
from app.db.tables import Category, Decision, ModelVersion, Proposal, Round, RoundEffort, Tally
from app.domain.cost import LONGEST, Effort
from app.domain.decision import WITHDRAWN, Answer
from app.domain.decision import Tally as Answers

SAMPLE: Final = 50
"""Newest answers of each labeler that the pace of an open round is taken from."""


def _counted() -> tuple[ColumnElement[Any], ...]:
    seconds = func.least(Decision.seconds, LONGEST)
    return (
        func.count(),
        func.count(Decision.seconds),
        func.coalesce(func.sum(seconds).filter(Decision.seconds.is_not(None)), 0.0),
        func.percentile_cont(0.5).within_group(seconds).filter(Decision.seconds.is_not(None)),
    )


def _answers(round_id: int) -> Select[Any]:
    """Every answer that a person gave in a round, also those taken back.

    The yes that a pick brings with it was no question of its own.
    """
    return (
        select()
        .select_from(Decision)
        .join(Proposal, Proposal.id == Decision.proposal_id)
        .where(
            Proposal.round_id == round_id,
            Decision.answer != Answer.UNDO,
            Proposal.picked_by.is_distinct_from(Decision.user_id),
        )
    )


def effort_of(session: Session, round_id: int) -> Effort:
    """What people gave for a round. Reads every decision of it: for its end, not for a page."""
    return Effort(*session.execute(_answers(round_id).add_columns(*_counted())).one())


def efforts(session: Session, round_ids: Sequence[int]) -> dict[int, Effort]:
    """What was kept when rounds closed, by round id."""
    return {
        row.round_id: Effort(row.decisions, row.timed, row.seconds, row.median_seconds)
        for row in session.scalars(select(RoundEffort).where(RoundEffort.round_id.in_(round_ids)))
    }


def pace(session: Session, open_round: Round) -> Effort:
    """The newest answers of each labeler of an open round: at most `SAMPLE` each."""
    newest = (
        _answers(open_round.id)
        .add_columns(Decision.seconds.label("seconds"))
        .where(
            Decision.user_id == Tally.user_id,
            Decision.created_at >= (open_round.labeling_at or open_round.started_at),
        )
        .order_by(Decision.created_at.desc())
        .limit(SAMPLE)
        .correlate(Tally)
        .lateral("newest")
    )
    seconds = func.least(newest.c.seconds, LONGEST)
    timed = newest.c.seconds.is_not(None)
    row = session.execute(
        select(
            func.count(newest.c.seconds),
            func.coalesce(func.sum(seconds).filter(timed), 0.0),
            func.percentile_cont(0.5).within_group(seconds).filter(timed),
            func.count(),
        )
        .select_from(Tally)
        .join(newest, true())
        .where(Tally.round_id == open_round.id)
    ).one()
    timed_count, total, median, count = row
    return Effort(count, timed_count, total, median)


@dataclass(frozen=True)
class CategoryAnswers:
    """What a round asked about one category, and the answers in force."""

    category_id: int
    name: str
    proposals: int
    answers: Answers


def category_answers(session: Session, round_id: int) -> list[CategoryAnswers]:
    """The categories that a round asked about, by name. Known questions are left out.

    Reads one index (`ix_proposal_answer`), however large the pool is.
    """
    counted = (
        select(
            Proposal.category_id,
            func.count().label("proposals"),
            *(
                func.count().filter(Proposal.answer == answer).label(answer.value)
                for answer in (Answer.YES, Answer.NO, Answer.UNSURE)
            ),
        )
        .where(
            Proposal.round_id == round_id,
            Proposal.gold.is_(None),
            Proposal.answer.is_distinct_from(WITHDRAWN),
        )
        .group_by(Proposal.category_id)
        .subquery()
    )
    rows = session.execute(
        select(counted, Category.name)
        .join(Category, Category.id == counted.c.category_id)
        .order_by(Category.name)
    )
    return [
        CategoryAnswers(
            row.category_id, row.name, row.proposals, Answers(row.yes, row.no, row.unsure)
        )
        for row in rows
    ]


def curves(session: Session, round_id: int) -> dict[str, Any]:
    """The curves of the training of a round; empty where none were kept."""
    found = session.scalar(
        select(ModelVersion.metrics[CURVES]).where(ModelVersion.round_id == round_id)
    )
    return found or {}
