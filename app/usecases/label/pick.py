"""A labeler who says no picks the right category: the image is proposed for that one, once."""

import hashlib

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.tables import Contrast, Decision, Example, HardNegative, Proposal
from app.domain.contrast import Beside, beside_picked
from app.domain.decision import WITHDRAWN, Answer, Picked, Stage
from app.domain.errors import PickAnsweredError
from app.usecases.label.lease import end_lease
from app.usecases.label.log import Entry, append, relock
from app.usecases.label.tallies import Changes


def propose_picked(
    session: Session,
    proposal: Proposal,
    category_id: int,
    entry: Entry,
    answers: Picked,
    changes: Changes,
) -> int | None:
    """Propose a locked proposal's image for the picked category, in the same round.

    Args:
        session: Its transaction.
        proposal: What was answered with no.
        category_id: The picked category.
        entry: The no.
        answers: Whether the picker has said yes with it, or another labeler is asked.
        changes: Takes what this counts for.

    Returns:
        The id of the new proposal, or None when this was asked or rejected before.
    """
    if proposal.gold is not None or _is_settled(session, proposal.image_id, category_id):
        return None
    made = _make(session, proposal, category_id)
    if made is None:
        return None
    made.picked_by = entry.user_id
    made.answer = None
    made.stage = Stage.FIRST
    made.barred = []
    if answers is Picked.SAME:
        append(session, made, Entry(entry.user_id, Answer.YES, _derived(entry.key)))
        made.answer, made.answered_by = Answer.YES, entry.user_id
    else:
        made.barred = [entry.user_id]
    session.flush()
    changes.add(made)
    return made.id


def untouched(picked: Proposal) -> bool:
    """Whether nobody but the picker has answered a picked proposal."""
    others = [user_id for user_id in picked.barred if user_id != picked.picked_by]
    return not others and picked.answered_by in (None, picked.picked_by)


def withdraw_picked(session: Session, picked_id: int, entry: Entry, changes: Changes) -> None:
    """The no that picked is taken back, and with it what it proposed.

    Raises:
        PickAnsweredError: when somebody else has answered that already.
    """
    picked = relock(session, picked_id)
    if not untouched(picked):
        raise PickAnsweredError(picked_id)
    with changes.of(picked):
        if picked.answer is not None:
            yes = _latest(session, picked)
            append(
                session, picked, Entry(entry.user_id, Answer.UNDO, _derived(entry.key), undoes=yes)
            )
        picked.answer, picked.answered_by = WITHDRAWN, None
        end_lease(picked)


def _latest(session: Session, proposal: Proposal) -> int:
    """The id of the newest decision of a locked proposal that has one."""
    return session.scalars(
        select(Decision.id).where(
            Decision.proposal_id == proposal.id, Decision.ordinal == proposal.decisions
        )
    ).one()


def _derived(key: str) -> str:
    """The idempotency key of what is written along: a retry derives the same one."""
    return f"with {hashlib.sha256(key.encode()).hexdigest()}"


def _is_settled(session: Session, image_id: int, category_id: int) -> bool:
    rejected = select(HardNegative.id).where(
        HardNegative.image_id == image_id,
        HardNegative.category_id == category_id,
        HardNegative.to_version.is_(None),
    )
    known = select(Example.id).where(Example.image_id == image_id, Example.to_version.is_(None))
    return bool(session.scalar(select(or_(rejected.exists(), known.exists()))))


def _make(session: Session, proposal: Proposal, category_id: int) -> Proposal | None:
    """The new proposal, locked; or a withdrawn one again; None when it was asked already."""
    # Two labelers who pick one category for one image at once: the second waits here for the
    # first's commit and then finds its proposal.
    made = session.scalar(
        insert(Proposal)
        .values(
            round_id=proposal.round_id,
            image_id=proposal.image_id,
            category_id=category_id,
            position=_position(session, proposal.round_id, category_id),
        )
        .on_conflict_do_nothing()
        .returning(Proposal.id)
    )
    if made is not None:
        _put_beside(session, made, proposal, category_id)
        return relock(session, made)
    before = session.scalars(
        select(Proposal)
        .where(
            Proposal.round_id == proposal.round_id,
            Proposal.image_id == proposal.image_id,
            Proposal.category_id == category_id,
        )
        .execution_options(populate_existing=True)
    ).one()
    if before.answer != WITHDRAWN:
        return None
    again = relock(session, before.id)
    return again if again.answer == WITHDRAWN else None


def _position(session: Session, round_id: int, category_id: int) -> int:
    """With the last of its category, so that a labeler keeps one definition in mind."""
    last = select(func.max(Proposal.position)).where(Proposal.round_id == round_id)
    of_category = session.scalar(last.where(Proposal.category_id == category_id))
    return (session.scalar(last) or 0) if of_category is None else of_category


def _put_beside(session: Session, made: int, proposal: Proposal, category_id: int) -> None:
    stood = session.get(Contrast, proposal.id)
    if stood is None:
        return
    found = beside_picked(
        Beside(
            exemplars=tuple(stood.exemplars),
            confusable_id=stood.confusable_id,
            confusable_exemplars=tuple(stood.confusable_exemplars),
            rejected=tuple(stood.rejected),
            likely=tuple(stood.likely),
        ),
        proposal.category_id,
        category_id,
    )
    session.add(
        Contrast(
            proposal_id=made,
            exemplars=list(found.exemplars),
            confusable_id=found.confusable_id,
            confusable_exemplars=list(found.confusable_exemplars),
            rejected=list(found.rejected),
            likely=list(found.likely),
        )
    )
