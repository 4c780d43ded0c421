"""What is known of a project's coarse filter: its files, the scores it gave, what lies around a threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Double, Row, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from app.db.tables import Candidate, CoarseFilter, Example, Image, Job, Negative
from app.domain.batch import Standing
from app.domain.dataset import Split
from app.domain.filtering import BINS, edges
from app.domain.job import JobKind

BAND = 5
"""So many times as many as are drawn are looked at: the nearest ones on either side of a threshold."""


@dataclass(frozen=True)
class Scores:
    """The candidates that a round may ask about, by domain score.

    Attributes:
        bins: Counted in 100 bins of equal width.
        unscored: Those that no filter has scored.
        stale: Those of `bins` that another filter than the one in force has scored.
    """

    bins: tuple[int, ...]
    unscored: int
    stale: int

    @property
    def scored(self) -> int:
        """The sum of the bins."""
        return sum(self.bins)


def filter_in_force(session: Session, project_id: int) -> CoarseFilter | None:
    """The newest filter that is ready."""
    return session.scalar(
        select(CoarseFilter)
        .where(CoarseFilter.project_id == project_id, CoarseFilter.ready_at.is_not(None))
        .order_by(CoarseFilter.id.desc())
        .limit(1)
    )


def newest_filter_job(session: Session, project_id: int) -> Job | None:
    """The newest job that trains a filter, whatever became of it."""
    return session.scalar(
        select(Job)
        .where(Job.project_id == project_id, Job.kind == JobKind.TRAIN_FILTER)
        .order_by(Job.id.desc())
        .limit(1)
    )


def scores(session: Session, project_id: int, filter_id: int | None) -> Scores:
    """How the scores of the pool lie; 0.3 s for a million candidates."""
    # Compared as thresholds are, in double precision: a bin and what a threshold keeps never differ.
    bin_ = func.width_bucket(
        cast(Candidate.domain_score, Double), cast(literal(edges()), ARRAY(Double))
    )
    rows = session.execute(
        select(bin_, func.count(), func.count().filter(Candidate.filter_id == filter_id))
        .where(*_open(project_id))
        .group_by(bin_)
    )
    bins, unscored, fresh = [0] * BINS, 0, 0
    for at, number, of_this in rows:
        if at is None:
            unscored = number
        else:
            bins[at] = number
            fresh += of_this
    return Scores(tuple(bins), unscored, sum(bins) - fresh)


def around(
    session: Session, project_id: int, threshold: float, seed: int, most: int
) -> tuple[list[tuple[Image, float]], list[tuple[Image, float]]]:
    """Candidates and their scores just above and just below a threshold, each side nearest first.

    Drawn from a band of the nearest; with a seed always the same.
    """
    # The literal is not cast to the column's type: compared in double precision, found by the index.
    edge = literal(threshold, Double)
    score = Candidate.domain_score
    above = _drawn(session, project_id, score >= edge, score.asc(), seed, most)
    below = _drawn(session, project_id, score < edge, score.desc(), seed, most)
    return sorted(above, key=lambda each: each[1]), sorted(below, key=lambda each: -each[1])


def _drawn(
    session: Session,
    project_id: int,
    side: ColumnElement[bool],
    order: ColumnElement[float | None],
    seed: int,
    most: int,
) -> list[tuple[Image, float]]:
    near = (
        select(Candidate.image_id, Candidate.domain_score)
        .where(*_open(project_id), side)
        .order_by(order)
        .limit(BAND * most)
        .subquery()
    )
    rows = session.execute(
        select(Image, near.c.domain_score)
        .join(near, near.c.image_id == Image.id)
        .order_by(func.md5(func.concat(Image.sha256, str(seed))))
        .limit(most)
    )
    return [(image, score) for image, score in rows]


def _open(project_id: int) -> tuple[ColumnElement[bool], ...]:
    return (Candidate.project_id == project_id, Candidate.standing == Standing.OPEN)


def negatives(session: Session, project_id: int) -> dict[str, int]:
    """How many negatives a project has, by origin."""
    return dict(
        session.execute(
            select(Negative.origin, func.count())
            .where(Negative.project_id == project_id)
            .group_by(Negative.origin)
        ).all()
    )


def newest_negatives(
    session: Session, project_id: int, limit: int, before: int | None = None
) -> Sequence[Row[Image, str]]:
    """The images and their origins, the newest first; with `before`, those of smaller ids."""
    query = (
        select(Image, Negative.origin)
        .join(Image, Image.id == Negative.image_id)
        .where(Negative.project_id == project_id)
        .order_by(Negative.image_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Negative.image_id < before)
    return session.execute(query).all()


def positives(session: Session, project_id: int) -> int:
    """How many examples the train split holds now."""
    return session.scalars(
        select(func.count())
        .select_from(Example)
        .where(
            Example.project_id == project_id,
            Example.split == Split.TRAIN,
            Example.to_version.is_(None),
        )
    ).one()
