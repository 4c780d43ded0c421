"""Take an answer back."""

import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Decision, Project, Proposal
from app.domain.decision import Answer
from app.domain.errors import (
    AnsweredSinceError,
    InvalidError,
    KeyReusedError,
    NotFoundError,
    NotUndoableError,
    PartOfPickError,
    RoundClosedError,
)
from app.domain.lease import LEASE
from app.domain.round import RoundState
from app.usecases.label.holder import Holder, check_key
from app.usecases.label.log import (
    Entry,
    Saved,
    append,
    find_by_key,
    lock_proposal,
    refuse_taken_down,
)
from app.usecases.label.pick import withdraw_picked
from app.usecases.label.tallies import Changes
from app.usecases.label.unsure import take_back


def undo_decision(
    session: Session, project: Project, decision_id: int, holder: Holder, key: str, now: datetime
) -> Saved:
    """Take one's own answer back: another row, and the proposal is open and leased to the holder.

    Raises:
        NotFoundError: when the decision is not the caller's or not of this project.
        RoundClosedError: when its round is over.
        TakenDownError: when the picture was taken down.
        NotUndoableError: when it was undone before.
        AnsweredSinceError: when it passed the proposal on and somebody else answered.
        PickAnsweredError: when it picked a category and somebody else answered about that one.
        PartOfPickError: for the yes that was written with a pick.
        KeyReusedError, InvalidError: see `record_decision`.
    """
    check_key("idempotency_key", key)
    check_key("client", holder.client)
    decision = session.scalar(
        select(Decision).where(
            Decision.id == decision_id,
            Decision.user_id == holder.user_id,
            Decision.answer != Answer.UNDO,
        )
    )
    if decision is None:
        raise NotFoundError("decision", decision_id)
    labeling, proposal = lock_proposal(session, project, decision.proposal_id)
    earlier = find_by_key(session, holder.user_id, key)
    if earlier is not None:
        if earlier.undoes_id != decision.id:
            raise KeyReusedError(key)
        return Saved(earlier, proposal, replayed=True)
    if labeling.state != RoundState.LABELING:
        raise RoundClosedError(labeling.number)
    refuse_taken_down(session, proposal)
    _check_undoable(session, decision, proposal)
    changes = Changes()
    entry = Entry(holder.user_id, Answer.UNDO, key, undoes=decision.id)
    undo = append(session, proposal, entry)
    if decision.picked_id is not None:
        withdraw_picked(session, decision.picked_id, entry, changes)
    with changes.of(proposal):
        take_back(proposal, holder.user_id, decision.stage)
        # Whoever holds it loses it: the one who undoes is the one who wants to answer.
        proposal.lease_token = secrets.token_urlsafe(12)
        proposal.lease_user_id = holder.user_id
        proposal.lease_client = holder.client
        proposal.lease_expires_at = now + LEASE
    session.flush()
    changes.write(session, labeling.id)
    return Saved(undo, proposal, replayed=False)


def _check_undoable(session: Session, decision: Decision, proposal: Proposal) -> None:
    if decision.ordinal != proposal.decisions:
        undone = session.scalar(select(Decision.id).where(Decision.undoes_id == decision.id))
        if undone is not None:
            raise NotUndoableError(decision.id)
        raise AnsweredSinceError(decision.id)
    if proposal.adjudicated:
        raise InvalidError(
            "decision",
            "This answer may have mended the dataset and cannot be taken back. Go back to a "
            "dataset version instead.",
        )
    if proposal.picked_by == decision.user_id:
        raise PartOfPickError(decision.id)
