"""Write an answer, exactly once."""

from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from app.db.tables import Decision, Project, Proposal
from app.domain.decision import Answer, Picked, Stage, Verdict, check_verdict
from app.domain.errors import (
    AlreadyDecidedError,
    InvalidError,
    KeyReusedError,
    LeaseLostError,
    RoundClosedError,
)
from app.domain.round import RoundState
from app.usecases.categories.carry_out import active_category
from app.usecases.label.holder import Labeler, check_key
from app.usecases.label.log import (
    Entry,
    Saved,
    append,
    find_by_key,
    lock_proposal,
    refuse_taken_down,
)
from app.usecases.label.pick import propose_picked
from app.usecases.label.tallies import Changes
from app.usecases.label.unsure import pass_on
from app.usecases.label.votes import settle_by_votes


@dataclass(frozen=True)
class Said:
    """What a labeler sends: the verdict on a proposal that they hold.

    Attributes:
        proposal_id: The proposal.
        lease_token: Shows that it is, or was last, in their hands.
        verdict: The answer.
        key: The idempotency key: the same one for a retry.
        seconds: The time that it took, if known.
    """

    proposal_id: int
    lease_token: str
    verdict: Verdict
    key: str
    seconds: float | None = None


def record_decision(session: Session, project: Project, labeler: Labeler, said: Said) -> Saved:
    """Write one answer, exactly once for each idempotency key, and count it.

    Raises:
        NotFoundError, RoundClosedError, AlreadyDecidedError, LeaseLostError, KeyReusedError,
        InvalidError: see `decide`.
    """
    changes = Changes()
    saved = decide(session, project, labeler, said, changes)
    changes.write(session, saved.proposal.round_id)
    return saved


def decide(
    session: Session, project: Project, labeler: Labeler, said: Said, changes: Changes
) -> Saved:
    """Write one answer, exactly once for each idempotency key; the caller writes the changes.

    A lease that ran out still counts as long as nobody else took the proposal: the labeler's work
    is not thrown away for being slow.

    Raises:
        NotFoundError: when the project has no such proposal or picked category.
        CategoryRetiredError: when the picked category is retired.
        RoundClosedError: when its round is over.
        TakenDownError: when the picture was taken down.
        AlreadyDecidedError, LeaseLostError: when somebody else was faster.
        KeyReusedError: when the key came with another proposal or answer before.
        InvalidError: for an unusable key, a negative time, or a verdict that contradicts itself.
    """
    check_key("idempotency_key", said.key)
    if said.seconds is not None and said.seconds < 0:
        raise InvalidError("seconds", "Give the time taken in seconds, 0 or more.")
    labeling, proposal = lock_proposal(session, project, said.proposal_id)
    check_verdict(said.verdict, proposal.category_id)
    # After the lock, not before: a retry that overtakes its original waits here, then finds it.
    earlier = find_by_key(session, labeler.user_id, said.key)
    if earlier is not None:
        if earlier.proposal_id != proposal.id or not _says(earlier, said.verdict):
            raise KeyReusedError(said.key)
        return Saved(earlier, proposal, replayed=True)
    if labeling.state != RoundState.LABELING:
        raise RoundClosedError(labeling.number)
    if proposal.answer is not None:
        refuse_taken_down(session, proposal)
        raise AlreadyDecidedError(proposal.id)
    if (proposal.lease_token, proposal.lease_user_id) != (said.lease_token, labeler.user_id):
        raise LeaseLostError(proposal.id)
    decision = _write(session, project, proposal, labeler, said, changes)
    return Saved(decision, proposal, replayed=False)


def _write(
    session: Session,
    project: Project,
    proposal: Proposal,
    labeler: Labeler,
    said: Said,
    changes: Changes,
) -> Decision:
    verdict = said.verdict
    entry = Entry(
        labeler.user_id,
        verdict.answer,
        said.key,
        seconds=said.seconds,
        reason=verdict.reason,
        picked_category_id=verdict.category_id,
    )
    if verdict.category_id is not None:
        category_id = active_category(session, project, verdict.category_id).id
        picked = Picked(project.picked)
        made = propose_picked(session, proposal, category_id, entry, picked, changes)
        entry = replace(entry, picked_id=made)
    decision = append(session, proposal, entry)
    with changes.of(proposal):
        if verdict.answer is not Answer.UNSURE and _is_vote(proposal):
            settle_by_votes(session, project, proposal)
        elif verdict.answer is not Answer.UNSURE or not pass_on(
            session, project, proposal, labeler
        ):
            proposal.answer, proposal.answered_by = verdict.answer, labeler.user_id
    session.flush()
    return decision


def _is_vote(proposal: Proposal) -> bool:
    """Whether a yes or no is one of several; what waits for a lead, the lead alone settles."""
    return proposal.wanted > 1 and proposal.stage != Stage.LEAD


def _says(decision: Decision, verdict: Verdict) -> bool:
    return (decision.answer, decision.reason, decision.picked_category_id) == (
        verdict.answer,
        verdict.reason,
        verdict.category_id,
    )
