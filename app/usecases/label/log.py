"""The log of decisions: rows are only ever added, each with its place in its proposal's history."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.tables import Decision, Image, Project, Proposal, Round
from app.domain.decision import WITHDRAWN, Answer
from app.domain.errors import KeyReusedError, NotFoundError, TakenDownError


@dataclass(frozen=True)
class Saved:
    """A decision that is in the database, and whether this request wrote it or an earlier one did."""

    decision: Decision
    proposal: Proposal
    replayed: bool


@dataclass(frozen=True)
class Entry:
    """What one row of the log says."""

    user_id: int
    answer: Answer
    key: str
    seconds: float | None = None
    reason: str | None = None
    picked_category_id: int | None = None
    picked_id: int | None = None
    undoes: int | None = None


def lock_proposal(session: Session, project: Project, proposal_id: int) -> tuple[Round, Proposal]:
    """The proposal, locked, and its round, which cannot end meanwhile.

    Raises:
        NotFoundError: when the project has no such proposal.
    """
    labeling = session.scalar(
        select(Round)
        .join(Proposal, Proposal.round_id == Round.id)
        .where(Proposal.id == proposal_id, Round.project_id == project.id)
        # Share lock: closing the round (an update) waits for this decision, and a decision that
        # comes after it sees the closed round. The round is locked before the proposal everywhere.
        .with_for_update(read=True, of=Round)
    )
    if labeling is None:
        raise NotFoundError("proposal", proposal_id)
    return labeling, relock(session, proposal_id)


def relock(session: Session, proposal_id: int) -> Proposal:
    """A proposal as it is now, locked. Its round is locked already."""
    return session.scalars(
        select(Proposal)
        .where(Proposal.id == proposal_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def refuse_taken_down(session: Session, proposal: Proposal) -> None:
    """Raises TakenDownError when the proposal was withdrawn because its picture is gone."""
    if proposal.answer != WITHDRAWN:
        return
    gone = select(Image.id).where(Image.id == proposal.image_id, Image.taken_down_at.is_not(None))
    if session.scalar(gone) is not None:
        raise TakenDownError


def find_by_key(session: Session, user_id: int, key: str) -> Decision | None:
    """The decision that a user's idempotency key has made, if any."""
    return session.scalar(
        select(Decision).where(Decision.user_id == user_id, Decision.idempotency_key == key)
    )


def append(session: Session, proposal: Proposal, entry: Entry) -> Decision:
    """Add a row; the proposal is locked.

    Raises:
        KeyReusedError: when another request took the key at this moment.
    """
    proposal.decisions += 1
    decision = Decision(
        proposal_id=proposal.id,
        user_id=entry.user_id,
        answer=entry.answer,
        ordinal=proposal.decisions,
        undoes_id=entry.undoes,
        idempotency_key=entry.key,
        seconds=entry.seconds,
        reason=entry.reason,
        picked_category_id=entry.picked_category_id,
        picked_id=entry.picked_id,
        stage=proposal.stage,
    )
    session.add(decision)
    try:
        session.flush()
    except IntegrityError:
        # Two requests with one key for two proposals at once: no row lock is shared between them.
        raise KeyReusedError(entry.key) from None
    return decision
