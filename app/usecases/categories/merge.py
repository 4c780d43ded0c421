"""A lead merges a category into another: what was told apart is one."""

from dataclasses import asdict

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.tables import CategoryChange, Project
from app.domain.category_change import Effect, Kind
from app.domain.errors import InvalidError
from app.usecases.categories.carry_out import (
    active_category,
    carry_out,
    lock_between_rounds,
)


def effect_of_merging(session: Session, project: Project, category_id: int, into_id: int) -> Effect:
    """What `merge_categories` would do now."""
    where = {"project": project.id, "a": category_id, "b": into_id}
    row = session.execute(text(_REFUSED + _COUNTS), where).one()
    return Effect(
        examples_move=row.examples,
        examples_stay=row.stay,
        hard_negatives_stay=row.kept,
        hard_negatives_leave=row.refused - 2 * row.kept,
        to_pool=row.to_pool,
    )


def merge_categories(
    session: Session, project: Project, category_id: int, into_id: int, user_id: int
) -> CategoryChange:
    """Make the examples of a category those of another, and retire the first.

    What was refused for both is a hard negative of the union. What was refused for one of them may
    be of the other: it is forgotten, and a round may ask about it again.

    Raises:
        RoundAtWorkError: while a round is not finished.
        NotFoundError, CategoryRetiredError: see `active_category`.
        InvalidError: for a category and itself.
    """
    check_merge(category_id, into_id)
    lock_between_rounds(session, project)
    category = active_category(session, project, category_id)
    into = active_category(session, project, into_id)
    effect = effect_of_merging(session, project, category_id, into_id)
    change = CategoryChange(
        project_id=project.id,
        kind=Kind.MERGE,
        category_id=category.id,
        into_id=into.id,
        parts=[],
        stays=False,
        details={"name": category.name, "into": into.name, "effect": asdict(effect)},
        made_by=user_id,
    )

    def write(version: int) -> None:
        where = {"project": project.id, "a": category_id, "b": into_id, "new": version}
        for step in _STEPS:
            session.execute(text(step), where)

    return carry_out(session, project, change, write)


def check_merge(category_id: int, into_id: int) -> None:
    """Raises InvalidError for a category and itself."""
    if category_id == into_id:
        raise InvalidError("into_id", "Choose another category than the one that goes.")


# `both_refused`: refused for both, and an example of neither. `one_refused`: for one of them only.
_REFUSED = """
    WITH both_refused AS (
        SELECT image_id FROM hard_negative
        WHERE project_id = :project AND category_id = :a AND to_version IS NULL
        INTERSECT
        SELECT image_id FROM hard_negative
        WHERE project_id = :project AND category_id = :b AND to_version IS NULL
        EXCEPT
        SELECT image_id FROM example
        WHERE project_id = :project AND category_id IN (:a, :b) AND to_version IS NULL
    ), one_refused AS (
        SELECT image_id FROM hard_negative
        WHERE project_id = :project AND category_id IN (:a, :b) AND to_version IS NULL
        EXCEPT
        SELECT image_id FROM both_refused
    )
"""
_COUNTS = """
    SELECT (SELECT count(*) FROM example
            WHERE project_id = :project AND category_id = :a AND to_version IS NULL) AS examples,
           (SELECT count(*) FROM example
            WHERE project_id = :project AND category_id = :b AND to_version IS NULL) AS stay,
           (SELECT count(*) FROM both_refused) AS kept,
           (SELECT count(*) FROM hard_negative
            WHERE project_id = :project AND category_id IN (:a, :b) AND to_version IS NULL) AS refused,
           (SELECT count(*) FROM one_refused JOIN candidate USING (image_id)) AS to_pool
"""
_END_EXAMPLES = """
    UPDATE example SET to_version = :new
    WHERE project_id = :project AND category_id = :a AND to_version IS NULL
"""
_BEGIN_EXAMPLES = """
    INSERT INTO example
        (project_id, image_id, category_id, split, round_id, decision_id, inherited_from, from_version)
    SELECT project_id, image_id, :b, split, round_id, decision_id, inherited_from, :new
    FROM example WHERE project_id = :project AND category_id = :a AND to_version = :new
"""
_NOT_VISITED = """
    UPDATE candidate SET last_round = NULL
    WHERE last_round IS NOT NULL AND image_id IN (SELECT image_id FROM one_refused)
"""
_END = """
    UPDATE hard_negative SET to_version = :new
    WHERE project_id = :project AND category_id IN (:a, :b) AND to_version IS NULL
      AND (category_id = :a OR image_id NOT IN (SELECT image_id FROM both_refused))
"""
# In this order: when the refusals have ended, nobody can tell any more which were of both.
_STEPS = (_END_EXAMPLES, _BEGIN_EXAMPLES, _REFUSED + _NOT_VISITED, _REFUSED + _END)
