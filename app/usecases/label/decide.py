"""Write an answer, exactly once."""

from sqlalchemy.orm import Session

from app.db.tables import Decision, Project
from app.domain.decision import Verdict, check_verdict
from app.domain.errors import (
    AlreadyDecidedError,
    InvalidError,
    KeyReusedError,
    LeaseLostError,
    RoundClosedError,
)
from app.domain.round import RoundState
from app.usecases.label.holder import check_key
from app.usecases.label.log import Entry, Saved, append, find_by_key, lock_proposal
from app.usecases.projects import category_by_id


def record_decision(
    session: Session,
    project: Project,
    proposal_id: int,
    verdict: Verdict,
    *,
    user_id: int,
    lease_token: str,
    key: str,
    seconds: float | None,
) -> Saved:
    """Write one answer, exactly once for each idempotency key.

    A lease that ran out still counts as long as nobody else took the proposal: the labeler's work
    is not thrown away for being slow.

    Raises:
        NotFoundError: when the project has no such proposal or picked category.
        RoundClosedError: when its round is over.
        AlreadyDecidedError, LeaseLostError: when somebody else was faster.
        KeyReusedError: when the key came with another proposal or answer before.
        InvalidError: for an unusable key, a negative time, or a verdict that contradicts itself.
    """
    check_key("idempotency_key", key)
    if seconds is not None and seconds < 0:
        raise InvalidError("seconds", "Give the time taken in seconds, 0 or more.")
    labeling, proposal = lock_proposal(session, project, proposal_id)
    check_verdict(verdict, proposal.category_id)
    # After the lock, not before: a retry that overtakes its original waits here, then finds it.
    earlier = find_by_key(session, user_id, key)
    if earlier is not None:
        if earlier.proposal_id != proposal.id or not _says(earlier, verdict):
            raise KeyReusedError(key)
        return Saved(earlier, proposal, replayed=True)
    if labeling.state != RoundState.LABELING:
        raise RoundClosedError(labeling.number)
    if proposal.answer is not None:
        raise AlreadyDecidedError(proposal.id)
    if proposal.lease_token != lease_token or proposal.lease_user_id != user_id:
        raise LeaseLostError(proposal.id)
    if verdict.category_id is not None:
        category_by_id(session, project, verdict.category_id)
    entry = Entry(
        user_id,
        verdict.answer,
        key,
        seconds=seconds,
        reason=verdict.reason,
        picked_category_id=verdict.category_id,
    )
    decision = append(session, proposal, entry)
    proposal.answer = verdict.answer
    proposal.answered_by = user_id
    session.flush()
    return Saved(decision, proposal, replayed=False)


def _says(decision: Decision, verdict: Verdict) -> bool:
    return (decision.answer, decision.reason, decision.picked_category_id) == (
        verdict.answer,
        verdict.reason,
        verdict.category_id,
    )
