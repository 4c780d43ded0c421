"""What pages and REST read: counts and lists, each in one query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Text, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.db import tables
from app.db.tables import (
    Category,
    DatasetVersion,
    Example,
    HardNegative,
    Image,
    Job,
    ModelVersion,
    ProjectMember,
    Round,
    Source,
    User,
)
from app.domain.dataset import Split
from app.domain.decision import Tally

CURVES = "curves"
"""Where a model version's metrics keep the curves of its training."""


@dataclass(frozen=True)
class Counts:
    """How much a category holds; `grown` of the train split were found by vetting, not seeded."""

    train: int = 0
    test: int = 0
    hard_negatives: int = 0
    grown: int = 0


def categories(session: Session, project_id: int, limit: int | None = None) -> Sequence[Category]:
    """The categories that are not retired, in labeling order: by name; all, or the first of them."""
    return session.scalars(
        select(Category)
        .where(Category.project_id == project_id, Category.retired_at.is_(None))
        .order_by(Category.name)
        .limit(limit)
    ).all()


def counts(session: Session, project_id: int, category_id: int | None = None) -> dict[int, Counts]:
    """Counts by category id, or of one; a category with nothing is left out."""
    example, negative = (
        [] if category_id is None else [table.category_id == category_id]
        for table in (Example, HardNegative)
    )
    examples = session.execute(
        select(
            Example.category_id,
            func.count().filter(Example.split == Split.TRAIN),
            func.count().filter(Example.split == Split.TEST),
            func.count().filter(Example.split == Split.TRAIN, Example.round_id.is_not(None)),
        )
        .where(Example.project_id == project_id, Example.to_version.is_(None), *example)
        .group_by(Example.category_id)
    )
    negatives = dict(
        session.execute(
            select(HardNegative.category_id, func.count())
            .where(
                HardNegative.project_id == project_id, HardNegative.to_version.is_(None), *negative
            )
            .group_by(HardNegative.category_id)
        ).all()
    )
    found = {
        category_id: Counts(train, test, negatives.pop(category_id, 0), grown)
        for category_id, train, test, grown in examples
    }
    return found | {
        category_id: Counts(hard_negatives=number) for category_id, number in negatives.items()
    }


def members(session: Session, project_id: int) -> Sequence[Row[str, str, str]]:
    """(login, name, role) of a project's members, by login."""
    return session.execute(
        select(User.login, User.name, ProjectMember.role)
        .join(ProjectMember, ProjectMember.user_id == User.id)
        .where(ProjectMember.project_id == project_id)
        .order_by(User.login)
    ).all()


@dataclass(frozen=True)
class RoundSummary:
    """A round with its jobs, answers and the model that it trained.

    Attributes:
        round: The row.
        jobs: In the order in which they were made.
        tally: The answers in force, without those to questions with a known answer.
        picked: Proposals that picked categories added.
        given: All answers in force, also those to known questions and what went on to others.
        metrics: What training measured, without its curves; empty before.
        model_id: The model version; None before.
    """

    round: Round
    jobs: Sequence[Job]
    tally: Tally
    picked: int
    given: int
    metrics: dict[str, Any]
    model_id: int | None


def newest_round(session: Session, project_id: int) -> RoundSummary | None:
    """The round with the highest number."""
    newest = newest_number(session, project_id)
    return next(iter(_summaries(session, project_id, Round.number == newest)), None)


def newest_number(session: Session, project_id: int) -> int:
    """The highest number of a round; 0 before the first."""
    newest = select(func.max(Round.number)).where(Round.project_id == project_id)
    return session.scalar(newest) or 0


def rounds(session: Session, project_id: int, number: int | None = None) -> list[RoundSummary]:
    """The rounds of a project, the newest first; or the one with this number."""
    return _summaries(session, project_id, *([] if number is None else [Round.number == number]))


def _summaries(
    session: Session, project_id: int, *wanted: ColumnElement[bool]
) -> list[RoundSummary]:
    query = select(Round).where(Round.project_id == project_id, *wanted)
    found = session.scalars(query.order_by(Round.number.desc())).all()
    ids = [each.id for each in found]
    jobs: dict[int, list[Job]] = {}
    for job in session.scalars(select(Job).where(Job.round_id.in_(ids)).order_by(Job.id)):
        jobs.setdefault(cast("int", job.round_id), []).append(job)
    # Curves are hundreds of points, and only the page of one round draws them.
    metrics = ModelVersion.metrics.op("-", return_type=JSONB())(literal(CURVES, Text))
    trained = session.execute(
        select(ModelVersion.round_id, ModelVersion.id, metrics).where(
            ModelVersion.round_id.in_(ids)
        )
    )
    models: dict[int, tuple[int, Any]] = {
        round_id: (model_id, measured) for round_id, model_id, measured in trained
    }
    tallies = _tallies(session, ids)
    return [
        RoundSummary(
            each,
            jobs.get(each.id, []),
            *tallies.get(each.id, (Tally(), 0, 0)),
            models.get(each.id, (None, {}))[1],
            models.get(each.id, (None, {}))[0],
        )
        for each in found
    ]


def _tallies(session: Session, round_ids: Sequence[int]) -> dict[int, tuple[Tally, int, int]]:
    """The answers of each round, the proposals that picks added, and all answers in force."""
    rows = session.execute(
        select(
            tables.Tally.round_id,
            func.sum(tables.Tally.yes),
            func.sum(tables.Tally.no),
            func.sum(tables.Tally.unsure),
            func.sum(tables.Tally.picked),
            func.sum(tables.Tally.gold + tables.Tally.passed),
        )
        .where(tables.Tally.round_id.in_(round_ids))
        .group_by(tables.Tally.round_id)
    )
    return {
        round_id: (Tally(yes, no, unsure), picked, yes + no + unsure + others)
        for round_id, yes, no, unsure, picked, others in rows
    }


def image_by_hash(session: Session, project_id: int, sha256: str) -> Image | None:
    """An image of this project."""
    return session.scalar(
        select(Image).where(Image.project_id == project_id, Image.sha256 == sha256)
    )


def sources(session: Session, image_id: int) -> Sequence[Source]:
    """The sources of an image, the oldest first."""
    return session.scalars(
        select(Source).where(Source.image_id == image_id).order_by(Source.id)
    ).all()


def versions(session: Session, project_id: int) -> Sequence[Row[DatasetVersion, int]]:
    """The dataset versions of a project with the number of the round that made each; newest first."""
    return session.execute(
        select(DatasetVersion, Round.number)
        .join(Round, Round.id == DatasetVersion.round_id, isouter=True)
        .where(DatasetVersion.project_id == project_id)
        .order_by(DatasetVersion.number.desc())
    ).all()


def version_round(session: Session, version: DatasetVersion) -> int | None:
    """The number of the round that made a version, if one did."""
    return session.scalar(select(Round.number).where(Round.id == version.round_id))


def example_page(
    session: Session, project_id: int, after: int, limit: int
) -> Sequence[Row[Example, Image, str, int]]:
    """Examples in force with id above `after`, with image, category name and round number."""
    return session.execute(
        select(Example, Image, Category.name, Round.number)
        .join(Image, Image.id == Example.image_id)
        .join(Category, Category.id == Example.category_id)
        .join(Round, Round.id == Example.round_id, isouter=True)
        .where(Example.project_id == project_id, Example.to_version.is_(None), Example.id > after)
        .order_by(Example.id)
        .limit(limit)
    ).all()


def hard_negative_page(
    session: Session, project_id: int, after: int, limit: int
) -> Sequence[Row[HardNegative, Image, str, int]]:
    """Hard negatives in force with id above `after`, with image, category name and round number."""
    return session.execute(
        select(HardNegative, Image, Category.name, Round.number)
        .join(Image, Image.id == HardNegative.image_id)
        .join(Category, Category.id == HardNegative.category_id)
        .join(Round, Round.id == HardNegative.round_id)
        .where(
            HardNegative.project_id == project_id,
            HardNegative.to_version.is_(None),
            HardNegative.id > after,
        )
        .order_by(HardNegative.id)
        .limit(limit)
    ).all()
