"""An unsure labeler passes the question on: to another labeler, then to the lead."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Project, ProjectMember, Proposal, User
from app.domain.access import Role
from app.domain.decision import Stage
from app.domain.unsure import stage_after_unsure
from app.usecases.label.holder import Labeler
from app.usecases.label.lease import end_lease


def pass_on(session: Session, project: Project, proposal: Proposal, labeler: Labeler) -> bool:
    """Pass a locked proposal on; False when nobody is left to ask: then the unsure is final."""
    asked = {labeler.user_id, *proposal.barred}
    stage = stage_after_unsure(
        Stage(proposal.stage),
        leads=labeler.leads,
        another=_has_labeler(session, project, asked),
    )
    if stage is None:
        return False
    proposal.stage = stage
    proposal.barred = [*proposal.barred, labeler.user_id]
    end_lease(proposal)
    return True


def take_back(proposal: Proposal, user_id: int, stage: str) -> None:
    """The newest answer to a locked proposal is undone: it waits where it waited before."""
    asked = [*proposal.barred]
    # Where several answered, the answer may be that of somebody else, who is not asked again.
    if proposal.answered_by is not None and proposal.answered_by not in asked:
        asked.append(proposal.answered_by)
    proposal.stage = stage
    proposal.barred = [barred for barred in asked if barred != user_id]
    proposal.answer = proposal.answered_by = proposal.in_force = None


def _has_labeler(session: Session, project: Project, asked: set[int]) -> bool:
    labeler = (
        select(ProjectMember.user_id)
        .join(User, User.id == ProjectMember.user_id)
        .where(
            ProjectMember.project_id == project.id,
            ProjectMember.role == Role.LABELER,
            ProjectMember.user_id.not_in(asked),
            User.disabled_at.is_(None),
        )
        .limit(1)
    )
    return session.scalar(labeler) is not None
