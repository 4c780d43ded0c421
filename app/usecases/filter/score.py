"""What a worker writes of a coarse filter: the filter itself, and the scores that it gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.orm import Session

from app.db.tables import Candidate, CoarseFilter, Example, Image, Negative
from app.domain.batch import Standing
from app.domain.dataset import Split


@dataclass(frozen=True)
class Material:
    """What a filter is trained on, each in order of its hash.

    Attributes:
        positives: (content hash, category id) of the train split.
        negatives: Content hashes.
        test: Content hashes of the test split, whose like is left out.
    """

    positives: Sequence[Row[str, int]]
    negatives: Sequence[str]
    test: Sequence[str]


def material(session: Session, project_id: int) -> Material:
    """The examples and the negatives of a project as they are now."""
    examples = (
        select(Image.sha256, Example.category_id)
        .join(Image, Image.id == Example.image_id)
        .where(Example.project_id == project_id, Example.to_version.is_(None))
        .order_by(Image.sha256)
    )
    negatives = (
        select(Image.sha256)
        .join(Negative, Negative.image_id == Image.id)
        .where(Negative.project_id == project_id)
        .order_by(Image.sha256)
    )
    return Material(
        positives=session.execute(examples.where(Example.split == Split.TRAIN)).all(),
        negatives=session.scalars(negatives).all(),
        test=[sha256 for sha256, _ in session.execute(examples.where(Example.split == Split.TEST))],
    )


def filter_asked_for(session: Session, project_id: int) -> CoarseFilter | None:
    """The newest filter, ready or not."""
    return session.scalar(
        select(CoarseFilter)
        .where(CoarseFilter.project_id == project_id)
        .order_by(CoarseFilter.id.desc())
        .limit(1)
    )


def make_ready(
    of: CoarseFilter, key: str, digest: str, facts: dict[str, Any], now: datetime
) -> None:
    """From now on this filter is in force. The caller holds the project's lock."""
    of.blob_key, of.sha256 = key, digest
    of.fingerprint = facts["fingerprint"]
    of.facts = facts
    of.ready_at = now


def count_stale(session: Session, project_id: int, filter_id: int) -> int:
    """How many screened candidates this filter has not scored."""
    return session.scalars(
        select(func.count())
        .select_from(Candidate)
        .where(
            Candidate.project_id == project_id,
            Candidate.standing != Standing.NEW,
            Candidate.filter_id.is_distinct_from(filter_id),
        )
    ).one()


def next_stale(
    session: Session, project_id: int, filter_id: int, after: int, most: int
) -> Sequence[Row[int, str]]:
    """(image id, content hash) of the next screened candidates that this filter has not scored.

    What is new is scored when it is screened.
    """
    return session.execute(
        select(Candidate.image_id, Image.sha256)
        .join(Image, Image.id == Candidate.image_id)
        .where(
            Candidate.project_id == project_id,
            Candidate.image_id > after,
            Candidate.standing != Standing.NEW,
            Candidate.filter_id.is_distinct_from(filter_id),
        )
        .order_by(Candidate.image_id)
        .limit(most)
    ).all()


# An older filter's late scores never replace a newer one's.
_PUBLISH = text(
    """
    UPDATE candidate SET domain_score = found.score, filter_id = :filter
    FROM unnest(:images, :scores) AS found (image_id, score)
    WHERE candidate.image_id = found.image_id
      AND (candidate.filter_id IS NULL OR candidate.filter_id < :filter)
    """
).bindparams(bindparam("images", type_=ARRAY(Integer)), bindparam("scores", type_=ARRAY(REAL)))


def publish_scores(
    session: Session, filter_id: int, image_ids: Sequence[int], scores: Sequence[float]
) -> None:
    """Write down the scores of a block of candidates."""
    session.execute(
        _PUBLISH, {"filter": filter_id, "images": list(image_ids), "scores": list(scores)}
    )
