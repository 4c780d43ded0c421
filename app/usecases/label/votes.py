"""Several labelers answer one proposal: what their answers come to."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from app.db.tables import Decision, Project, ProjectMember, Proposal, User
from app.domain.decision import Answer, Stage
from app.domain.redundancy import Consensus, consensus
from app.usecases.label.lease import end_lease


@dataclass(frozen=True)
class Vote:
    """A yes or no in force."""

    ordinal: int
    user_id: int
    answer: Answer


def settle_by_votes(session: Session, project: Project, proposal: Proposal) -> None:
    """The answer of a locked proposal becomes the majority of its yes and no in force.

    It stays open until it has as many as it wants, or nobody is left to ask. A tie goes to a lead.
    Who voted is not asked again.
    """
    votes = _votes(session, proposal)
    asked = {*proposal.barred, *(vote.user_id for vote in votes)}
    others = len(votes) < proposal.wanted and _has_other(session, project, asked)
    apply_votes(proposal, votes, others=others)


def apply_votes(proposal: Proposal, votes: Sequence[Vote], *, others: bool) -> None:
    """As `settle_by_votes`, from votes in the order in which they were given."""
    found = consensus([vote.answer for vote in votes], proposal.wanted, others=others)
    proposal.answer = proposal.answered_by = proposal.in_force = None
    if found in (Consensus.OPEN, Consensus.TIE):
        end_lease(proposal)
        if found is Consensus.TIE:
            proposal.stage = Stage.LEAD
    else:
        newest = next(vote for vote in reversed(votes) if vote.answer == found.value)
        proposal.answer, proposal.answered_by = newest.answer, newest.user_id
        proposal.in_force = newest.ordinal if newest.ordinal != proposal.decisions else None
    asked = dict.fromkeys([*proposal.barred, *(vote.user_id for vote in votes)])
    proposal.barred = [user_id for user_id in asked if user_id != proposal.answered_by]


def _votes(session: Session, proposal: Proposal) -> list[Vote]:
    undo = aliased(Decision)
    rows = session.execute(
        select(Decision.ordinal, Decision.user_id, Decision.answer)
        .where(
            Decision.proposal_id == proposal.id,
            Decision.answer.in_((Answer.YES, Answer.NO)),
            ~select(undo.id).where(undo.undoes_id == Decision.id).exists(),
        )
        .order_by(Decision.ordinal)
    )
    return [Vote(ordinal, user_id, Answer(answer)) for ordinal, user_id, answer in rows]


def _has_other(session: Session, project: Project, asked: set[int]) -> bool:
    """Whether a member who was not asked may still answer; leads may, at every stage."""
    other = (
        select(ProjectMember.user_id)
        .join(User, User.id == ProjectMember.user_id)
        .where(
            ProjectMember.project_id == project.id,
            ProjectMember.user_id.not_in(asked),
            User.disabled_at.is_(None),
        )
        .limit(1)
    )
    return session.scalar(other) is not None
