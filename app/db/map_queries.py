"""What the map of a round is read from."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.tables import Category, Job, Proposal, Round, RoundMap
from app.domain.decision import Answer
from app.domain.job import JobKind


def round_map(session: Session, project_id: int, number: int) -> RoundMap | None:
    """The map of a project's round, once it is drawn."""
    return session.scalar(
        select(RoundMap)
        .join(Round, Round.id == RoundMap.round_id)
        .where(Round.project_id == project_id, Round.number == number)
    )


def mapped_rounds(session: Session, project_id: int) -> Sequence[int]:
    """The numbers of the rounds that have a map, the newest first."""
    return session.scalars(
        select(Round.number)
        .join(RoundMap, RoundMap.round_id == Round.id)
        .where(Round.project_id == project_id)
        .order_by(Round.number.desc())
    ).all()


def newest_map_job(session: Session, project_id: int) -> tuple[int, Job] | None:
    """The newest job that draws a map, with its round's number."""
    rows = session.execute(
        select(Round.number, Job)
        .join(Job, Job.round_id == Round.id)
        .where(Round.project_id == project_id, Job.kind == JobKind.DRAW_MAP)
        .order_by(Round.number.desc())
        .limit(1)
    )
    return next(((number, job) for number, job in rows), None)


def category_names(session: Session, category_ids: Sequence[int]) -> dict[int, str]:
    """What they are called now."""
    rows = session.execute(select(Category.id, Category.name).where(Category.id.in_(category_ids)))
    return {row.id: row.name for row in rows}


@dataclass(frozen=True)
class Answered:
    """Images and, in the same order, the categories that they were asked about."""

    image_ids: Sequence[int]
    category_ids: Sequence[int]


def answered(session: Session, round_id: int) -> dict[Answer, Answered]:
    """What was answered yes and no in a round, known questions left out, in order of category."""
    # As two arrays each: a quarter of a million rows would take a second to become objects.
    order = (Proposal.category_id, Proposal.image_id)
    rows = session.execute(
        select(
            Proposal.answer,
            func.array_agg(Proposal.image_id).aggregate_order_by(*order),
            func.array_agg(Proposal.category_id).aggregate_order_by(*order),
        )
        .where(
            Proposal.round_id == round_id,
            Proposal.gold.is_(None),
            Proposal.answer.in_((Answer.YES, Answer.NO)),
        )
        .group_by(Proposal.answer)
    )
    return {
        Answer(str(answer)): Answered(images, categories) for answer, images, categories in rows
    }
