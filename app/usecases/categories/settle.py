"""Which categories are retired follows from the changes that hold."""

from collections.abc import Mapping

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.tables import Category, CategoryChange, DatasetVersion, Project
from app.domain.category_change import Change, Kind, retired
from app.domain.dataset import lineage
from app.domain.errors import InvalidError


def as_change(row: CategoryChange) -> Change:
    """A row as a value."""
    return Change(
        kind=Kind(row.kind),
        category_id=row.category_id,
        into_id=row.into_id,
        parts=tuple(row.parts),
        stays=row.stays,
        version=row.version,
        undone=row.undone_at is not None,
        undone_version=row.undone_version,
    )


def versions_kept(session: Session, project: Project) -> frozenset[int]:
    """The dataset versions that the newest one has grown out of."""
    restores: Mapping[int, int | None] = dict(
        session.execute(
            select(DatasetVersion.number, DatasetVersion.restores).where(
                DatasetVersion.project_id == project.id
            )
        ).all()
    )
    return lineage(restores)


def settle_categories(session: Session, project: Project) -> None:
    """Retire and bring back categories by the changes that hold now.

    The caller holds the project row for update and has frozen the dataset.

    Raises:
        InvalidError: when a category that comes back has lost its name to another.
    """
    session.flush()
    rows = session.scalars(
        select(CategoryChange)
        .where(CategoryChange.project_id == project.id, CategoryChange.kind != Kind.RENAME)
        .order_by(CategoryChange.id)
    ).all()
    changes = [as_change(row) for row in rows]
    gone = retired(changes, versions_kept(session, project))
    touched = set[int]().union(*(each.concerned for each in changes))
    session.execute(
        update(Category)
        .where(Category.id.in_(gone), Category.retired_at.is_(None))
        .values(retired_at=func.now())
    )
    # One after the other: a refusal names the category.
    back = select(Category).where(Category.id.in_(touched - gone), Category.retired_at.is_not(None))
    for category in session.scalars(back.order_by(Category.id)).all():
        name, category.retired_at = category.name, None
        try:
            session.flush()
        except IntegrityError:
            raise InvalidError(
                "name",
                "The category {name!r} comes back by this, and another has its name by now. "
                "Rename that one first.",
                name=name,
            ) from None
