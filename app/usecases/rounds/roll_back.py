"""A lead goes back to a dataset version: S and H become as they were, as a new version."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Integer, Row, bindparam, text
from sqlalchemy.orm import Session

from app.db.tables import DatasetVersion, Project
from app.domain.dataset import Cause
from app.domain.errors import InvalidError
from app.usecases.categories.settle import settle_categories
from app.usecases.dataset.export_dataset import version_to_export
from app.usecases.dataset.freeze_dataset import freeze_dataset, next_version
from app.usecases.dataset.restore_members import differences, restore_members
from app.usecases.dataset.version_history import rounds_in_force
from app.usecases.rounds.start_round import lock_without_round


@dataclass(frozen=True)
class Effect:
    """What going back does to the dataset: how many members leave it and come back to it.

    An example that is of another category or split than it was leaves and comes back.
    `to_pool` pictures become candidates again, `from_pool` cease to be.
    """

    examples_leave: int
    examples_return: int
    hard_negatives_leave: int
    hard_negatives_return: int
    to_pool: int
    from_pool: int

    @property
    def nothing(self) -> bool:
        """Whether the dataset is as it was."""
        return not (
            self.examples_leave
            or self.examples_return
            or self.hard_negatives_leave
            or self.hard_negatives_return
        )


def effect_of_rolling_back(session: Session, project: Project, number: int) -> Effect:
    """What `roll_back` would do now.

    Raises:
        NotFoundError: when the project has no such version.
    """
    version_to_export(session, project, number)
    where = {"project_id": project.id, "number": number}
    moved: Row[Any] = session.execute(text(_POOL), where).one()
    return Effect(
        *differences(session, project.id, number),
        to_pool=moved.to_pool,
        from_pool=moved.from_pool,
    )


def roll_back(session: Session, project: Project, number: int) -> tuple[DatasetVersion, Effect]:
    """Make S and H those of a version. Nothing is deleted: rows end, and new rows begin.

    What the dataset holds now is frozen first, if it is not yet. Pictures that are no examples any
    more become candidates, as not visited; so do candidates that were visited by rounds whose
    effect is undone. What was taken down stays gone. Categories keep the names that they have now;
    which of them are retired becomes as it was then.

    Raises:
        RoundInProgressError: while a round is not finished: it trains on what would go.
        NotFoundError: when the project has no such version.
        InvalidError: when the dataset is as it was in that version, or a category that comes back
            has lost its name to another.
    """
    lock_without_round(session, project)
    effect = effect_of_rolling_back(session, project, number)
    if effect.nothing:
        raise InvalidError(
            "version",
            "The dataset is now as it was in version {number}. There is nothing to roll back.",
            number=number,
        )
    freeze_dataset(session, project)
    where = {"project_id": project.id, "number": number, "new": next_version(session, project)}
    restore_members(session, project.id, number, where["new"])
    made = freeze_dataset(session, project, Cause.ROLL_BACK, restores=number)
    settle_categories(session, project)
    session.execute(text(_NOW + _INTO_POOL), where)
    session.execute(text(_NOW + _OUT_OF_POOL), where)
    in_force = [each.number for each in rounds_in_force(session, project)]
    session.execute(_NOT_VISITED, {**where, "in_force": in_force})
    return made, effect


_NOW = """
    WITH now AS (
        SELECT image_id FROM example WHERE project_id = :project_id AND to_version IS NULL
    )
"""
# A picture that was there then and is there now by one row moves nowhere: it is in neither part.
_POOL = """
    WITH gone AS (
        SELECT image_id FROM example
        WHERE project_id = :project_id AND to_version IS NULL AND from_version > :number
    ), back AS (
        SELECT image_id FROM example
        WHERE project_id = :project_id AND to_version > :number AND from_version <= :number
          AND image_id NOT IN (
            SELECT id FROM image WHERE project_id = :project_id AND taken_down_at IS NOT NULL
          )
    )
    SELECT (SELECT count(*) FROM gone
            WHERE NOT EXISTS (SELECT FROM back WHERE back.image_id = gone.image_id)) AS to_pool,
           (SELECT count(*) FROM back
            WHERE NOT EXISTS (SELECT FROM gone WHERE gone.image_id = back.image_id)) AS from_pool
"""
_INTO_POOL = """
    INSERT INTO candidate (image_id, project_id, bucket)
    SELECT image.id, image.project_id, ('x' || left(image.sha256, 4))::bit(16)::int
    FROM image JOIN example ON example.image_id = image.id AND example.to_version = :new
    WHERE image.project_id = :project_id AND image.id NOT IN (TABLE now)
      AND image.taken_down_at IS NULL
      AND image.id NOT IN (SELECT image_id FROM withdrawn_image)
    ON CONFLICT DO NOTHING
"""
_OUT_OF_POOL = """
    DELETE FROM candidate WHERE project_id = :project_id AND image_id IN (TABLE now)
"""
_NOT_VISITED = text(
    """
    UPDATE candidate SET last_round = NULL
    WHERE project_id = :project_id AND last_round IS NOT NULL AND last_round <> ALL (:in_force)
    """
).bindparams(bindparam("in_force", type_=ARRAY(Integer)))
