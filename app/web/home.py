"""The caller's projects and what can be done in each."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.db.tables import Project, Round
from app.domain.access import Role
from app.domain.round import RoundState
from app.web.pages import ProjectLine
from app.web.words import STATES


def project_lines(
    session: Session, projects: Sequence[tuple[Project, Role]]
) -> tuple[ProjectLine, ...]:
    """The projects with the state of their newest round."""
    newest = _newest_rounds(session, [project.id for project, _ in projects])
    return tuple(_line(project, role, newest.get(project.id)) for project, role in projects)


def _newest_rounds(
    session: Session, project_ids: Sequence[int]
) -> dict[int, tuple[int, RoundState]]:
    rows = session.execute(
        select(Round.project_id, Round.number, Round.state)
        .where(Round.project_id.in_(project_ids))
        .ext(distinct_on(Round.project_id))
        .order_by(Round.project_id, Round.number.desc())
    )
    return {project_id: (number, RoundState(state)) for project_id, number, state in rows}


def _line(project: Project, role: Role, newest: tuple[int, RoundState] | None) -> ProjectLine:
    state = "No round yet" if newest is None else f"Round {newest[0]}: {STATES[newest[1]].lower()}"
    return ProjectLine(
        slug=project.slug,
        name=project.name,
        description=project.description,
        role=role.value,
        state=state,
        leads=role is Role.LEAD,
        open=newest is not None and newest[1] is RoundState.LABELING,
    )
