"""A labeler leases proposals, decides them, and takes decisions back."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.tables import Decision, Project, Proposal, Round
from app.domain.decision import Answer
from app.domain.errors import (
    AlreadyDecidedError,
    InvalidError,
    KeyReusedError,
    LeaseLostError,
    NotFoundError,
    NotUndoableError,
    RoundClosedError,
)
from app.domain.lease import LEASE, MOST_LEASED
from app.domain.round import RoundState

LONGEST_KEY = 200


@dataclass(frozen=True)
class Holder:
    """Who holds a lease: a user in one browser tab (or program)."""

    user_id: int
    client: str


@dataclass(frozen=True)
class Saved:
    """A decision that is in the database, and whether this request wrote it or an earlier one did."""

    decision: Decision
    proposal: Proposal
    replayed: bool


def round_in_labeling(session: Session, project: Project) -> Round | None:
    """The round that is being labeled, if any."""
    return session.scalar(
        select(Round).where(Round.project_id == project.id, Round.state == RoundState.LABELING)
    )


def lease_proposals(
    session: Session, labeling: Round, holder: Holder, count: int, now: datetime
) -> Sequence[Proposal]:
    """Up to `count` open proposals in labeling order, leased to the holder.

    A holder who asks again first gets what they hold already, with the lease renewed: a reload shows
    the same picture, and a batch that was fetched ahead is not stranded.

    Raises:
        InvalidError: for a count outside 1..60 or a client name outside 1..200 characters.
    """
    if not 1 <= count <= MOST_LEASED:
        raise InvalidError("count", "Lease 1 to {most} proposals at a time.", most=MOST_LEASED)
    _check_key("client", holder.client)
    held = _lock_held(session, labeling, holder, count, now)
    fresh = _lock_free(session, labeling, count - len(held), now)
    for proposal in fresh:
        _hand_over(proposal, holder)
    for proposal in (*held, *fresh):
        proposal.lease_expires_at = now + LEASE
    session.flush()
    return sorted((*held, *fresh), key=lambda proposal: proposal.position)


def _hand_over(proposal: Proposal, holder: Holder) -> None:
    # Who takes back what ran out keeps the token: an answer of theirs may be on its way with it.
    if (proposal.lease_user_id, proposal.lease_client) != (holder.user_id, holder.client):
        proposal.lease_token = secrets.token_urlsafe(12)
        proposal.lease_user_id = holder.user_id
        proposal.lease_client = holder.client


def _lock_held(
    session: Session, labeling: Round, holder: Holder, count: int, now: datetime
) -> Sequence[Proposal]:
    return session.scalars(
        select(Proposal)
        .where(
            Proposal.round_id == labeling.id,
            Proposal.answer.is_(None),
            Proposal.lease_user_id == holder.user_id,
            Proposal.lease_client == holder.client,
            Proposal.lease_expires_at > now,
        )
        .order_by(Proposal.position)
        .limit(count)
        .with_for_update()
    ).all()


def _lock_free(session: Session, labeling: Round, count: int, now: datetime) -> Sequence[Proposal]:
    if count <= 0:
        return []
    # Two labelers who lease at once skip each other's rows instead of waiting for or sharing them.
    return session.scalars(
        select(Proposal)
        .where(
            Proposal.round_id == labeling.id,
            Proposal.answer.is_(None),
            (Proposal.lease_expires_at.is_(None)) | (Proposal.lease_expires_at <= now),
        )
        .order_by(Proposal.position)
        .limit(count)
        .with_for_update(skip_locked=True)
    ).all()


def release_leases(session: Session, project: Project, holder: Holder) -> int:
    """Give back what the holder leased and did not answer, so that others need not wait for it.

    Raises:
        InvalidError: for a client name outside 1..200 characters.
    """
    _check_key("client", holder.client)
    held = session.scalars(
        select(Proposal.id)
        .where(
            Proposal.lease_user_id == holder.user_id,
            Proposal.lease_client == holder.client,
            Proposal.answer.is_(None),
            Proposal.lease_expires_at > func.now(),
            Proposal.round_id.in_(select(Round.id).where(Round.project_id == project.id)),
        )
        # Locked in the order in which leasing locks them: a page that is reloaded gives back and
        # asks again at the same moment, and the two must not wait for each other.
        .order_by(Proposal.position)
        .with_for_update()
    ).all()
    # The lease ends; the token stays, so that a late answer counts if nobody else came.
    session.execute(
        update(Proposal).where(Proposal.id.in_(held)).values(lease_expires_at=func.now())
    )
    return len(held)


def record_decision(
    session: Session,
    project: Project,
    proposal_id: int,
    *,
    user_id: int,
    answer: Answer,
    lease_token: str,
    key: str,
    seconds: float | None,
) -> Saved:
    """Write one answer, exactly once for each idempotency key.

    A lease that ran out still counts as long as nobody else took the proposal: the labeler's work
    is not thrown away for being slow.

    Raises:
        NotFoundError: when the project has no such proposal.
        RoundClosedError: when its round is over.
        AlreadyDecidedError, LeaseLostError: when somebody else was faster.
        KeyReusedError: when the key came with another proposal or answer before.
        InvalidError: for an unusable key or a negative time.
    """
    _check_key("idempotency_key", key)
    if seconds is not None and seconds < 0:
        raise InvalidError("seconds", "Give the time taken in seconds, 0 or more.")
    labeling, proposal = _lock_proposal(session, project, proposal_id)
    # After the lock, not before: a retry that overtakes its original waits here, then finds it.
    earlier = _by_key(session, user_id, key)
    if earlier is not None:
        if earlier.proposal_id != proposal.id or earlier.answer != answer:
            raise KeyReusedError(key)
        return Saved(earlier, proposal, replayed=True)
    if labeling.state != RoundState.LABELING:
        raise RoundClosedError(labeling.number)
    if proposal.answer is not None:
        raise AlreadyDecidedError(proposal.id)
    if proposal.lease_token != lease_token or proposal.lease_user_id != user_id:
        raise LeaseLostError(proposal.id)
    decision = _append(session, proposal, user_id, answer, key, seconds=seconds, undoes=None)
    proposal.answer = answer
    session.flush()
    return Saved(decision, proposal, replayed=False)


def undo_decision(
    session: Session, project: Project, decision_id: int, holder: Holder, key: str, now: datetime
) -> Saved:
    """Take one's own answer back: another row, and the proposal is open and leased to the holder.

    Raises:
        NotFoundError: when the decision is not the caller's or not of this project.
        RoundClosedError: when its round is over.
        NotUndoableError: when it was undone before.
        KeyReusedError, InvalidError: see `record_decision`.
    """
    _check_key("idempotency_key", key)
    _check_key("client", holder.client)
    decision = session.scalar(
        select(Decision).where(
            Decision.id == decision_id,
            Decision.user_id == holder.user_id,
            Decision.answer != Answer.UNDO,
        )
    )
    if decision is None:
        raise NotFoundError("decision", decision_id)
    labeling, proposal = _lock_proposal(session, project, decision.proposal_id)
    earlier = _by_key(session, holder.user_id, key)
    if earlier is not None:
        if earlier.undoes_id != decision.id:
            raise KeyReusedError(key)
        return Saved(earlier, proposal, replayed=True)
    if labeling.state != RoundState.LABELING:
        raise RoundClosedError(labeling.number)
    if proposal.answer is None or decision.ordinal != proposal.decisions:
        raise NotUndoableError(decision.id)
    undo = _append(
        session, proposal, holder.user_id, Answer.UNDO, key, seconds=None, undoes=decision.id
    )
    proposal.answer = None
    proposal.lease_token = secrets.token_urlsafe(12)
    proposal.lease_user_id = holder.user_id
    proposal.lease_client = holder.client
    proposal.lease_expires_at = now + LEASE
    session.flush()
    return Saved(undo, proposal, replayed=False)


def _lock_proposal(session: Session, project: Project, proposal_id: int) -> tuple[Round, Proposal]:
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
    proposal = session.scalars(
        select(Proposal)
        .where(Proposal.id == proposal_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return labeling, proposal


def _by_key(session: Session, user_id: int, key: str) -> Decision | None:
    return session.scalar(
        select(Decision).where(Decision.user_id == user_id, Decision.idempotency_key == key)
    )


def _append(
    session: Session,
    proposal: Proposal,
    user_id: int,
    answer: Answer,
    key: str,
    *,
    seconds: float | None,
    undoes: int | None,
) -> Decision:
    proposal.decisions += 1
    decision = Decision(
        proposal_id=proposal.id,
        user_id=user_id,
        answer=answer,
        ordinal=proposal.decisions,
        undoes_id=undoes,
        idempotency_key=key,
        seconds=seconds,
    )
    session.add(decision)
    try:
        session.flush()
    except IntegrityError:
        # Two requests with one key for two proposals at once: no row lock is shared between them.
        raise KeyReusedError(key) from None
    return decision


def _check_key(field: str, key: str) -> None:
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise InvalidError(
            field,
            "Give {field_name} as 1 to {most} printable characters.",
            field_name=field,
            most=LONGEST_KEY,
        )
