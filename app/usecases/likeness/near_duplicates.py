"""Groups of images of one photograph: looked at, taken apart, put together again, left."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.db import near_duplicate_queries as queries
from app.db.tables import Candidate, Image, NearDuplicate, Project
from app.domain.batch import Standing
from app.domain.decision import Answer
from app.domain.errors import NotFoundError
from app.usecases.dataset.freeze_dataset import next_version
from app.usecases.likeness.inherit import inherit


@dataclass(frozen=True)
class Membership:
    """That an image is an example (yes) or a hard negative (no) of a category."""

    answer: Answer
    category: str
    inherited: bool


@dataclass(frozen=True)
class Member:
    """An image in a group; `hash_distance` and `similarity` are to the representative."""

    image: Image
    hash_distance: int
    similarity: float
    detached: bool
    memberships: tuple[Membership, ...]


@dataclass(frozen=True)
class Group:
    """A representative and the images that it speaks for, in the order in which they came."""

    representative: Image
    memberships: tuple[Membership, ...]
    members: tuple[Member, ...]


def groups_of(
    session: Session, project: Project, *, detached: bool, before: int | None, limit: int
) -> Sequence[Group]:
    """Groups, those with the newest representatives first; `detached` keeps those that a member left.

    `before` is the id of a representative: the groups after its group.
    """
    ids = queries.representatives(
        session, project.id, detached=detached, before=before, limit=limit
    )
    rows = queries.members(session, ids)
    representatives = queries.images(session, ids)
    held: dict[int, list[Membership]] = {}
    everybody = [*ids, *(near.image_id for near, _ in rows)]
    for image_id, answer, category, inherited_from in queries.memberships(session, everybody):
        each = Membership(Answer(answer), category, inherited_from is not None)
        held.setdefault(image_id, []).append(each)
    grouped: dict[int, list[Member]] = {each: [] for each in ids}
    for near, image in rows:
        grouped[near.representative_id].append(
            Member(
                image,
                near.hash_distance,
                near.similarity,
                near.detached_at is not None,
                tuple(held.get(image.id, ())),
            )
        )
    return [
        Group(representatives[each], tuple(held.get(each, ())), tuple(grouped[each]))
        for each in ids
    ]


def detach(session: Session, project: Project, sha256: str, user_id: int, now: datetime) -> bool:
    """Say that an image is another photograph than its representative; False when that was said.

    What it has inherited ends with the dataset version that is being made, and rounds may ask about
    it.

    Raises:
        NotFoundError: when it is in no group of the project.
    """
    near = _locked(session, project, sha256)
    if near.detached_at is not None:
        return False
    near.detached_at, near.detached_by = now, user_id
    _stand(session, near.image_id, Standing.OPEN)
    inherit(session, project.id, next_version(session, project))
    return True


def attach(session: Session, project: Project, sha256: str) -> bool:
    """Take `detach` back; False when there is nothing to take back.

    What was decided about the image itself meanwhile stays.

    Raises:
        NotFoundError: when it is in no group of the project.
    """
    near = _locked(session, project, sha256)
    if near.detached_at is None:
        return False
    near.detached_at, near.detached_by = None, None
    _stand(session, near.image_id, Standing.NEAR_DUPLICATE)
    inherit(session, project.id, next_version(session, project))
    return True


def _locked(session: Session, project: Project, sha256: str) -> NearDuplicate:
    # The project first, as everywhere: no version is frozen and no round published meanwhile.
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())
    near = session.scalar(
        select(NearDuplicate)
        .join(Image, Image.id == NearDuplicate.image_id)
        .where(Image.project_id == project.id, Image.sha256 == sha256)
    )
    if near is None:
        raise NotFoundError("near-duplicate", sha256)
    return near


def _stand(session: Session, image_id: int, standing: Standing) -> None:
    session.execute(
        update(Candidate).where(Candidate.image_id == image_id).values(standing=standing)
    )


# The first member that is left of each group whose representative goes.
_HEIRS = """
    CREATE TEMPORARY TABLE heir ON COMMIT DROP AS
    SELECT DISTINCT ON (representative_id) representative_id AS gone_id, image_id
    FROM near_duplicate
    WHERE representative_id = ANY (:gone) AND image_id <> ALL (:gone) AND detached_at IS NULL
    ORDER BY representative_id, image_id
"""
# What it has inherited is its own from now on, and the others inherit from it.
_BEQUEATH = """
    UPDATE {table} SET inherited_from = NULLIF(heir.image_id, {table}.image_id) FROM heir
    WHERE {table}.inherited_from = heir.gone_id AND {table}.to_version IS NULL
"""
_SPEAK = """
    UPDATE candidate SET standing = 'open' FROM heir
    WHERE candidate.image_id = heir.image_id AND candidate.standing = 'near_duplicate'
"""
_FOLLOW = """
    UPDATE near_duplicate SET representative_id = heir.image_id FROM heir
    WHERE near_duplicate.representative_id = heir.gone_id
      AND near_duplicate.image_id <> heir.image_id
"""
# Their own rows, the heirs' rows, and those of groups in which nobody else is left.
_FORGET = """
    DELETE FROM near_duplicate
    WHERE image_id = ANY (:gone) OR representative_id = ANY (:gone)
"""
_LEAVE = (
    _HEIRS,
    _BEQUEATH.format(table="example"),
    _BEQUEATH.format(table="hard_negative"),
    _SPEAK,
    _FOLLOW,
    _FORGET,
    "DROP TABLE heir",
)


def leave_groups(session: Session, image_ids: Collection[int]) -> None:
    """Take images out of their groups because they leave the project.

    Where a representative goes, the first member that is left takes its place.
    """
    session.flush()
    for step in _LEAVE:
        session.execute(text(step), {"gone": list(image_ids)})
