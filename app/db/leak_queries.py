"""Reading leaks of the test split."""

from collections.abc import Sequence

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session, aliased

from app.db.tables import Candidate, Category, Example, Image, Leak

_Test = aliased(Image)


def _there(project_id: int) -> Select[Leak]:
    """Leaks whose candidate is still in the pool."""
    return (
        select(Leak)
        .join(Candidate, Candidate.image_id == Leak.image_id)
        .where(Leak.project_id == project_id)
    )


def leak_page(
    session: Session, project_id: int, *, released: bool, before: int | None, limit: int
) -> Sequence[Row[Leak, Image, Image, str | None]]:
    """Leaks with the candidate, the test picture and the category that it is tested for.

    The newest candidates first; those that a lead has released, or the others.
    """
    query = (
        _there(project_id)
        .join(Image, Image.id == Leak.image_id)
        .join(_Test, _Test.id == Leak.test_image_id)
        .outerjoin(Example, (Example.image_id == Leak.test_image_id) & Example.to_version.is_(None))
        .outerjoin(Category, Category.id == Example.category_id)
        .with_only_columns(Leak, Image, _Test, Category.name)
        .where(Leak.released_at.is_not(None) if released else Leak.released_at.is_(None))
        .order_by(Leak.image_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Leak.image_id < before)
    return session.execute(query).all()


def count_leaks(session: Session, project_id: int) -> Row[int, int]:
    """How many candidates are quarantined, and how many a lead has released."""
    kept = func.count().filter(Leak.released_at.is_(None))
    released = func.count().filter(Leak.released_at.is_not(None))
    return session.execute(_there(project_id).with_only_columns(kept, released)).one()
