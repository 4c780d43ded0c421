"""Reading groups of near-duplicates."""

from collections.abc import Collection, Sequence

from sqlalchemy import Row, Text, cast, func, select, union_all
from sqlalchemy.orm import Session, aliased

from app.db.tables import Category, Example, HardNegative, Image, NearDuplicate
from app.domain.decision import Answer


def representatives(
    session: Session, project_id: int, *, detached: bool, before: int | None, limit: int
) -> Sequence[int]:
    """Image ids of representatives, the newest first; `detached` keeps groups that a member left."""
    query = (
        select(NearDuplicate.representative_id)
        .where(NearDuplicate.project_id == project_id)
        .group_by(NearDuplicate.representative_id)
        .order_by(NearDuplicate.representative_id.desc())
        .limit(limit)
    )
    if detached:
        query = query.where(NearDuplicate.detached_at.is_not(None))
    if before is not None:
        query = query.where(NearDuplicate.representative_id < before)
    return session.scalars(query).all()


def members(
    session: Session, representative_ids: Collection[int]
) -> Sequence[Row[NearDuplicate, Image]]:
    """The members of these groups with their images, in the order in which they came."""
    return session.execute(
        select(NearDuplicate, Image)
        .join(Image, Image.id == NearDuplicate.image_id)
        .where(NearDuplicate.representative_id.in_(representative_ids))
        .order_by(NearDuplicate.image_id)
    ).all()


def images(session: Session, ids: Collection[int]) -> dict[int, Image]:
    """Images by id."""
    return {image.id: image for image in session.scalars(select(Image).where(Image.id.in_(ids)))}


def memberships(
    session: Session, image_ids: Collection[int]
) -> Sequence[Row[int, str, str, int | None]]:
    """(image id, "yes" or "no", category, image that it is inherited from) of S and H as they are now."""
    parts = []
    for table, answer in ((Example, Answer.YES), (HardNegative, Answer.NO)):
        of = aliased(Category)
        parts.append(
            select(table.image_id, cast(answer.value, Text), of.name, table.inherited_from)
            .join(of, of.id == table.category_id)
            .where(table.image_id.in_(image_ids), table.to_version.is_(None))
        )
    return session.execute(union_all(*parts).order_by("image_id", "name")).all()


def count_members(session: Session, project_id: int) -> Row[int, int]:
    """How many images stand behind another one, and how many were taken out of their groups."""
    attached = func.count().filter(NearDuplicate.detached_at.is_(None))
    detached = func.count().filter(NearDuplicate.detached_at.is_not(None))
    return session.execute(
        select(attached, detached).where(NearDuplicate.project_id == project_id)
    ).one()
