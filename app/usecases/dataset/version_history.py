"""How the dataset came to be what it is: versions, and the rounds whose effect still holds."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import DatasetVersion, Project, Round
from app.domain.dataset import lineage
from app.domain.round import RoundState


def rounds_in_force(session: Session, project: Project) -> Sequence[Round]:
    """The closed rounds that the dataset of now has grown by: none that was rolled back.

    A round that found nothing is in force with the version that held at its end.
    """
    restores: Mapping[int, int | None] = dict(
        session.execute(
            select(DatasetVersion.number, DatasetVersion.restores).where(
                DatasetVersion.project_id == project.id
            )
        ).all()
    )
    kept = lineage(restores)
    rounds = session.scalars(
        select(Round)
        .where(Round.project_id == project.id, Round.state == RoundState.CLOSED)
        .order_by(Round.number)
    )
    return [each for each in rounds if each.made_version in kept]
