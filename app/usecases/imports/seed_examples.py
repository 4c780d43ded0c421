"""A lead gives a category its first examples."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.tables import (
    Candidate,
    Category,
    Example,
    HardNegative,
    Negative,
    Project,
    Proposal,
    Round,
)
from app.domain.dataset import Split
from app.domain.errors import CategoryRetiredError, NotFoundError
from app.domain.ingestion import ImageOutcome
from app.domain.round import UNFINISHED
from app.usecases.dataset.freeze_dataset import next_version
from app.usecases.pool.store_images import ImageAnswer, Taken, insert_images


def seed_examples(
    session: Session, project: Project, category: Category, split: Split, taken: Sequence[Taken]
) -> list[ImageAnswer]:
    """Make pictures examples of a category and answer for each file, in the order they came.

    A picture that is an example of another category or split already is a conflict that names it:
    somebody must decide which is right. A picture from the pool leaves the pool, unless a round is
    asking about it right now.

    Raises:
        NotFoundError: when the category was deleted meanwhile.
        CategoryRetiredError: when it was retired meanwhile.
    """
    # Share lock: a round that closes now (it takes the lock for update) must not freeze a version
    # while examples that count from that version are still being written.
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update(read=True))
    # And one that is being deleted stays, or is gone before anything refers to it.
    found = session.execute(
        select(Category.name, Category.retired_at)
        .where(Category.id == category.id)
        .with_for_update(read=True)
    ).one_or_none()
    if found is None:
        raise NotFoundError("category", category.name)
    if found.retired_at is not None:
        raise CategoryRetiredError(found.name)
    inserted = insert_images(session, project, taken)
    taken, ids = inserted.taken, inserted.ids
    refused = _refused(session, category, list(ids.values()))
    new = _insert_examples(
        session, project, category, split, sorted(set(ids.values()) - refused.keys())
    )
    existing = _existing(session, list(ids.values()))
    answers = []
    for item in taken:
        if item.picture is None:
            assert item.refusal is not None  # noqa: S101 - Taken has one or the other
            answers.append(item.refusal)
            continue
        image_id = ids[item.picture.sha256]
        answers.append(
            _answer(
                item.filename,
                item.picture.sha256,
                image_id,
                new,
                refused,
                existing,
                category,
                split,
            )
        )
        new.discard(image_id)
    return answers


def _refused(
    session: Session, category: Category, image_ids: list[int]
) -> dict[int, tuple[str, str]]:
    """Why these images cannot become examples of the category now: (reason, sentence) by image id."""
    asked = session.execute(
        select(Proposal.image_id, Round.number)
        .join(Round, Round.id == Proposal.round_id)
        .where(Proposal.image_id.in_(image_ids), Round.state.in_(UNFINISHED))
    )
    rejected = session.execute(
        select(HardNegative.image_id, Round.number)
        .join(Round, Round.id == HardNegative.round_id)
        .where(
            HardNegative.image_id.in_(image_ids),
            HardNegative.category_id == category.id,
            HardNegative.to_version.is_(None),
        )
    )
    outside = session.scalars(select(Negative.image_id).where(Negative.image_id.in_(image_ids)))
    why = (
        "This picture is a negative of the coarse filter: out of the domain. "
        "Take it back there first, or leave it out here."
    )
    return (
        dict.fromkeys(outside, ("negative", why))
        | {
            image_id: (
                "rejected_before",
                (
                    f"A labeler said in round {number} that this picture is not {category.name!r}. "
                    "It cannot be both; leave it out."
                ),
            )
            for image_id, number in rejected
        }
        | {
            image_id: (
                "open_proposal",
                (
                    f"Round {number} is asking labelers about this picture. "
                    "Close or cancel the round, then seed it."
                ),
            )
            for image_id, number in asked
        }
    )


def _insert_examples(
    session: Session, project: Project, category: Category, split: Split, image_ids: list[int]
) -> set[int]:
    if not image_ids:
        return set()
    version = next_version(session, project)
    new = set(
        session.scalars(
            insert(Example)
            .values(
                [
                    {
                        "project_id": project.id,
                        "image_id": image_id,
                        "category_id": category.id,
                        "split": split,
                        "from_version": version,
                    }
                    for image_id in image_ids
                ]
            )
            .on_conflict_do_nothing()
            .returning(Example.image_id)
        )
    )
    session.execute(delete(Candidate).where(Candidate.image_id.in_(new)))
    return new


def _existing(session: Session, image_ids: list[int]) -> dict[int, tuple[int, str, str]]:
    rows = session.execute(
        select(Example.image_id, Category.id, Category.name, Example.split)
        .join(Category, Category.id == Example.category_id)
        .where(Example.image_id.in_(image_ids), Example.to_version.is_(None))
    )
    return {image_id: (category_id, name, split) for image_id, category_id, name, split in rows}


def _answer(
    filename: str,
    sha256: str,
    image_id: int,
    new: set[int],
    refused: dict[int, tuple[str, str]],
    existing: dict[int, tuple[int, str, str]],
    category: Category,
    split: Split,
) -> ImageAnswer:
    if image_id in new:
        return ImageAnswer(filename, ImageOutcome.STORED, sha256)
    if image_id in existing:
        category_id, name, other_split = existing[image_id]
        if category_id == category.id and other_split == split:
            return ImageAnswer(filename, ImageOutcome.DUPLICATE, sha256)
        return ImageAnswer(
            filename,
            ImageOutcome.CONFLICT,
            sha256,
            "another_category" if category_id != category.id else "another_split",
            f"This picture is already an example of {name!r} in the {other_split} split. "
            "One picture has one place: leave it out here, or take it out there.",
        )
    return ImageAnswer(filename, ImageOutcome.CONFLICT, sha256, *refused[image_id])
