"""What was taken down, as leads see it."""

from collections.abc import Sequence

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session, aliased

from app.db.tables import Takedown, User


def takedowns(
    session: Session, project_id: int, before: int | None = None, limit: int = 100
) -> Sequence[Row[Takedown, str | None, str | None]]:
    """(takedown, login of who made it, login of who lifted it), the newest first.

    Those of the whole server are among them. `before` is an id.
    """
    maker, lifter = aliased(User), aliased(User)
    query = (
        select(Takedown, maker.login, lifter.login)
        .join(maker, maker.id == Takedown.made_by, isouter=True)
        .join(lifter, lifter.id == Takedown.lifted_by, isouter=True)
        .where(or_(Takedown.project_id == project_id, Takedown.project_id.is_(None)))
    )
    if before is not None:
        query = query.where(Takedown.id < before)
    return session.execute(query.order_by(Takedown.id.desc()).limit(limit)).all()


def login(session: Session, user_id: int | None) -> str | None:
    """What somebody is called."""
    return None if user_id is None else session.scalar(select(User.login).where(User.id == user_id))
