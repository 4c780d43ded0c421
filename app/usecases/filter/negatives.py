"""A lead says what is out of the project's domain."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.tables import (
    BatchImage,
    Candidate,
    Category,
    Example,
    Image,
    Negative,
    Project,
    Proposal,
    Round,
    WithdrawnImage,
)
from app.domain.errors import InvalidError, NotFoundError
from app.domain.filtering import NegativeOrigin
from app.domain.ingestion import ImageOutcome
from app.domain.round import UNFINISHED, bucket_of
from app.usecases.likeness.near_duplicates import leave_groups
from app.usecases.pool.store_images import ImageAnswer, Taken, insert_images
from app.usecases.takedowns.erase import erase_later


@dataclass(frozen=True)
class Conflict:
    """Why a picture cannot be a negative: a name for programs, a sentence for people."""

    reason: str
    says: str


def add_negatives(
    session: Session, project: Project, origin: NegativeOrigin, taken: Sequence[Taken]
) -> list[ImageAnswer]:
    """Make pictures negatives and answer for each file, in the order they came.

    A picture from the pool leaves it, unless a round is asking about it. What is an example is a
    conflict: somebody must decide which is right.
    """
    _lock(session, project)
    came = insert_images(session, project, taken)
    ids = came.ids
    conflicts = _conflicts(session, ids.values())
    new = _insert(session, project, origin, set(ids.values()) - conflicts.keys())
    answers = []
    for item in came.taken:
        if item.picture is None:
            assert item.refusal is not None  # noqa: S101 - Taken has one or the other
            answers.append(item.refusal)
            continue
        sha256 = item.picture.sha256
        answers.append(_answer(item.filename, sha256, ids[sha256], new, conflicts))
        new.discard(ids[sha256])
    return answers


def mark_negative(session: Session, project: Project, sha256: str) -> None:
    """Make a negative of a candidate that a lead saw.

    Raises:
        NotFoundError: when it is no candidate (any more).
        InvalidError: when a round is asking about it.
    """
    _lock(session, project)
    image_id = session.scalar(
        select(Image.id)
        .join(Candidate, Candidate.image_id == Image.id)
        .where(Image.project_id == project.id, Image.sha256 == sha256)
    )
    if image_id is None:
        raise NotFoundError("candidate", sha256)
    if _conflicts(session, [image_id]):
        raise InvalidError(
            "sha256",
            "A round is asking labelers about this picture. Close or cancel the round first.",
        )
    _insert(session, project, NegativeOrigin.MARKED, {image_id})


def remove_negative(session: Session, project: Project, sha256: str) -> None:
    """Take a negative back: it is a candidate again if a crawler brought it, else it is forgotten.

    Raises:
        NotFoundError: when it is no negative.
    """
    _lock(session, project)
    image = session.scalar(
        select(Image)
        .join(Negative, Negative.image_id == Image.id)
        .where(Image.project_id == project.id, Image.sha256 == sha256)
    )
    if image is None:
        raise NotFoundError("negative", sha256)
    gone = session.get_one(Negative, image.id)
    crawled = gone.from_pool or session.scalar(
        select(exists().where(BatchImage.image_id == image.id))
    )
    session.delete(gone)
    session.flush()
    if not crawled:
        _forget(session, image)
    elif not _withdrawn(session, [image.id], to_pool=True):
        bucket = bucket_of(image.sha256)
        session.add(Candidate(image_id=image.id, project_id=project.id, bucket=bucket))
        session.flush()


def _forget(session: Session, image: Image) -> None:
    """Without its row a crawler may bring it; what a frozen version knows of keeps it."""
    erase_later(session, [image.sha256])
    with contextlib.suppress(IntegrityError), session.begin_nested():
        session.execute(delete(Image).where(Image.id == image.id))


def _lock(session: Session, project: Project) -> None:
    # Against seeding and rounds, which must not make an example or a question of it meanwhile; not
    # against crawlers, who only refer to the project.
    session.execute(
        select(Project.id).where(Project.id == project.id).with_for_update(key_share=True)
    )


def _conflicts(session: Session, image_ids: Collection[int]) -> dict[int, Conflict]:
    asked = session.execute(
        select(Proposal.image_id, Round.number)
        .join(Round, Round.id == Proposal.round_id)
        .where(Proposal.image_id.in_(image_ids), Round.state.in_(UNFINISHED))
    )
    examples = session.execute(
        select(Example.image_id, Category.name)
        .join(Category, Category.id == Example.category_id)
        .where(Example.image_id.in_(image_ids), Example.to_version.is_(None))
    )
    return {
        image_id: Conflict(
            "open_proposal",
            f"Round {number} is asking labelers about this picture. "
            "Close or cancel the round first.",
        )
        for image_id, number in asked
    } | {
        image_id: Conflict(
            "example",
            f"This picture is an example of {name!r}. It cannot be out of the domain as well.",
        )
        for image_id, name in examples
    }


def _insert(
    session: Session, project: Project, origin: NegativeOrigin, image_ids: Collection[int]
) -> set[int]:
    if not image_ids:
        return set()
    crawled = set(
        session.scalars(
            delete(Candidate).where(Candidate.image_id.in_(image_ids)).returning(Candidate.image_id)
        )
    )
    # Those that it spoke for get another representative.
    leave_groups(session, crawled)
    crawled |= _withdrawn(session, image_ids, to_pool=False)
    rows = [
        {
            "image_id": image_id,
            "project_id": project.id,
            "origin": origin,
            "from_pool": image_id in crawled,
        }
        for image_id in sorted(image_ids)
    ]
    return set(
        session.scalars(
            insert(Negative).values(rows).on_conflict_do_nothing().returning(Negative.image_id)
        )
    )


def _withdrawn(session: Session, image_ids: Collection[int], *, to_pool: bool) -> set[int]:
    """Those that left the pool with their batch: whether they are candidates when it comes back."""
    return set(
        session.scalars(
            update(WithdrawnImage)
            .where(WithdrawnImage.image_id.in_(image_ids), WithdrawnImage.to_pool != to_pool)
            .values(to_pool=to_pool)
            .returning(WithdrawnImage.image_id)
        )
    )


def _answer(
    filename: str,
    sha256: str,
    image_id: int,
    new: Collection[int],
    conflicts: Mapping[int, Conflict],
) -> ImageAnswer:
    if image_id in conflicts:
        why = conflicts[image_id]
        return ImageAnswer(filename, ImageOutcome.CONFLICT, sha256, why.reason, why.says)
    outcome = ImageOutcome.STORED if image_id in new else ImageOutcome.DUPLICATE
    return ImageAnswer(filename, outcome, sha256)
