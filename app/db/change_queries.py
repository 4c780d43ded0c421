"""How categories changed: what pages and REST read."""

from collections.abc import Sequence

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, aliased

from app.db.tables import CategoryChange, Proposal, Round, User
from app.domain.round import UNFINISHED


def change_page(
    session: Session, project_id: int, before: int | None, limit: int
) -> Sequence[Row[CategoryChange, str, str]]:
    """(change, who made it, who undid it) with an id below `before`, the newest first.

    People are told by name; who undid it is None for what was not undone.
    """
    maker, undoer = aliased(User), aliased(User)
    query = (
        select(CategoryChange, maker.name, undoer.name)
        .join(maker, maker.id == CategoryChange.made_by)
        .join(undoer, undoer.id == CategoryChange.undone_by, isouter=True)
        .where(CategoryChange.project_id == project_id)
        .order_by(CategoryChange.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(CategoryChange.id < before)
    return session.execute(query).all()


def round_at_work(session: Session, project_id: int, category_id: int) -> tuple[int | None, int]:
    """The number of the round that is not finished, and its open questions about a category."""
    found = session.execute(
        select(Round.id, Round.number).where(
            Round.project_id == project_id, Round.state.in_(UNFINISHED)
        )
    ).one_or_none()
    if found is None:
        return None, 0
    waiting = session.scalars(
        select(func.count())
        .select_from(Proposal)
        .where(
            Proposal.round_id == found.id,
            Proposal.category_id == category_id,
            Proposal.answer.is_(None),
        )
    ).one()
    return found.number, waiting
