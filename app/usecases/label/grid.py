"""A page of a grid: many proposals of one category, leased together and answered together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.tables import Category, Project, Proposal, Round, RoundCategory
from app.domain.decision import Stage
from app.domain.errors import DomainError, GridNotAllowedError, InvalidError
from app.domain.grid import Mostly, mostly
from app.domain.lease import MOST_LEASED
from app.usecases.label.decide import Said, decide
from app.usecases.label.holder import Holder, Labeler, check_key
from app.usecases.label.lease import at, end_lease, free, keep, lock_free, lock_held, may_be_asked
from app.usecases.label.log import Saved
from app.usecases.label.tallies import Changes

_TRIES = 5


@dataclass(frozen=True)
class Grid:
    """A category that may be labeled a page at a time."""

    category_id: int
    name: str
    mostly: Mostly


def grids(session: Session, project: Project, labeling: Round) -> list[Grid]:
    """The categories that may be labeled as a grid, in labeling order."""
    rows = session.execute(
        select(RoundCategory.category_id, Category.name, RoundCategory.expected_precision)
        .join(Category, Category.id == RoundCategory.category_id)
        .where(RoundCategory.round_id == labeling.id)
        .order_by(Category.name)
    )
    found = []
    for category_id, name, expected in rows:
        how = mostly(expected, project.grid_above, project.grid_below)
        if how is not None:
            found.append(Grid(category_id, name, how))
    return found


def open_by_category(session: Session, labeling: Round, user_id: int) -> dict[int, int]:
    """How many proposals wait for anybody and may be asked of a user, by category id."""
    rows = session.execute(
        select(Proposal.category_id, func.count())
        .where(
            Proposal.round_id == labeling.id,
            Proposal.answer.is_(None),
            at(Stage.FIRST),
            may_be_asked(user_id),
        )
        .group_by(Proposal.category_id)
    )
    return dict(rows.all())


def lease_grid(
    session: Session,
    project: Project,
    labeling: Round,
    holder: Holder,
    wanted: int | None,
    count: int,
    now: datetime,
) -> tuple[Grid | None, Sequence[Proposal]]:
    """A page: up to `count` proposals of one category, with those that the holder holds already.

    Args:
        session: Its transaction.
        project: Has the limits for grids.
        labeling: The round.
        holder: Who asks.
        wanted: A category; None takes the one that is held, or else the first with open proposals.
        count: How many.
        now: The database's time.

    Returns:
        The category, None when no grid is left, and the proposals in labeling order.

    Raises:
        GridNotAllowedError: when the wanted category may not be labeled as a grid.
        InvalidError: for a count outside 1..60 or a client name outside 1..200 characters.
    """
    if not 1 <= count <= MOST_LEASED:
        raise InvalidError("count", "Lease 1 to {most} proposals at a time.", most=MOST_LEASED)
    check_key("client", holder.client)
    allowed = {grid.category_id: grid for grid in grids(session, project, labeling)}
    if wanted is not None and wanted not in allowed:
        raise GridNotAllowedError(wanted)
    held = list(lock_held(session, labeling, holder, now))
    if wanted is None and held and held[0].category_id in allowed:
        wanted = held[0].category_id
    # A page has one category: what is left of another one goes back, so that others may have it.
    for proposal in held:
        if proposal.category_id != wanted:
            end_lease(proposal)
    page = [proposal for proposal in held if proposal.category_id == wanted]
    if wanted is None:
        wanted, page = _first(session, labeling, holder, list(allowed), count, now)
    elif len(page) < count:
        page += _free(session, labeling, holder, wanted, count - len(page), now)
    return allowed.get(wanted or 0), keep(session, page, holder, now)


def _first(
    session: Session,
    labeling: Round,
    holder: Holder,
    allowed: Sequence[int],
    count: int,
    now: datetime,
) -> tuple[int | None, list[Proposal]]:
    """The first category that has free proposals, and these; others may take them meanwhile."""
    for _ in range(_TRIES):
        category_id = _first_open(session, labeling, holder, allowed, now)
        if category_id is None:
            break
        page = list(_free(session, labeling, holder, category_id, count, now))
        if page:
            return category_id, page
    return None, []


def _first_open(
    session: Session, labeling: Round, holder: Holder, allowed: Sequence[int], now: datetime
) -> int | None:
    # One look into an index for each category, however many proposals each has.
    some = select(Proposal.id).where(
        Proposal.round_id == labeling.id,
        Proposal.category_id == Category.id,
        at(Stage.FIRST),
        *free(holder, now),
    )
    return session.scalar(
        select(Category.id)
        .where(Category.id.in_(allowed), some.exists())
        .order_by(Category.name)
        .limit(1)
    )


def _free(
    session: Session,
    labeling: Round,
    holder: Holder,
    category_id: int,
    count: int,
    now: datetime,
) -> Sequence[Proposal]:
    wanted = (Proposal.category_id == category_id) & at(Stage.FIRST)
    return lock_free(session, labeling, holder, count, now, wanted)


def record_page(
    session: Session, project: Project, labeler: Labeler, page: Sequence[Said]
) -> list[Saved | DomainError]:
    """Write the answers of a page, each on its own: a refusal of one does not touch the others.

    Returns:
        For each, in the order they came, what was saved or why not.
    """
    # Locked in the order in which leases are: a page that renews its leases meanwhile waits for
    # this one, or this one for it, and never each for the other. The round before its proposals.
    ids = [said.proposal_id for said in page]
    asked = select(Proposal.round_id).where(Proposal.id.in_(ids))
    session.execute(
        select(Round.id)
        .where(Round.project_id == project.id, Round.id.in_(asked))
        .order_by(Round.id)
        .with_for_update(read=True)
    )
    session.execute(
        select(Proposal.id)
        .where(
            Proposal.id.in_(ids),
            Proposal.round_id.in_(select(Round.id).where(Round.project_id == project.id)),
        )
        .order_by(Proposal.position, Proposal.id)
        .with_for_update()
    )
    changes: dict[int, Changes] = {}
    results: list[Saved | DomainError] = []
    for said in page:
        of_item = Changes()
        try:
            with session.begin_nested():
                saved = decide(session, project, labeler, said, of_item)
        except DomainError as refusal:
            results.append(refusal)
            continue
        changes.setdefault(saved.proposal.round_id, Changes()).take(of_item)
        results.append(saved)
    for round_id in sorted(changes):
        changes[round_id].write(session, round_id)
    return results
