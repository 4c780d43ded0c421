"""The caller's projects and what can be done in each."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.db.tables import Project, Round
from app.domain.access import Role
from app.domain.round import RoundState
from app.web.pages.entry import ProjectLine
from app.web.words import ROLES, STATES, Words


def project_lines(
    session: Session, projects: Sequence[tuple[Project, Role]], words: Words
) -> tuple[ProjectLine, ...]:
    """The projects with the state of their newest round."""
    newest = _newest_rounds(session, [project.id for project, _ in projects])
    return tuple(_line(project, role, newest.get(project.id), words) for project, role in projects)


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


def _line(
    project: Project, role: Role, newest: tuple[int, RoundState] | None, words: Words
) -> ProjectLine:
    return ProjectLine(
        slug=project.slug,
        name=project.name,
        description=project.description,
        role=words.t(ROLES[role]),
        state=_state(newest, words),
        leads=role is Role.LEAD,
        open=newest is not None and newest[1] is RoundState.LABELING,
    )


def _state(newest: tuple[int, RoundState] | None, words: Words) -> str:
    if newest is None:
        return words.t("No round yet")
    number, state = newest
    return words.t("Round {number}: {state}", number=number, state=words.t(STATES[state]))
