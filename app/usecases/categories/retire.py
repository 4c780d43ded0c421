"""A lead retires a category: it is neither asked about nor learned any more."""

from dataclasses import asdict

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.db.tables import CategoryChange, Example, HardNegative, Project
from app.domain.category_change import Effect, Kind
from app.usecases.categories.carry_out import (
    active_category,
    carry_out,
    held,
    lock_between_rounds,
)


def effect_of_retiring(session: Session, project: Project, category_id: int) -> Effect:
    """What `retire_category` would do now."""
    examples, negatives = held(session, project, category_id)
    return Effect(examples_leave=examples, hard_negatives_leave=negatives)


def retire_category(
    session: Session, project: Project, category_id: int, user_id: int
) -> CategoryChange:
    """Take a category and all that it holds out of the dataset, from the next version on.

    Its pictures do not go back to the pool: they are known to be of it.

    Raises:
        RoundAtWorkError: while a round is not finished.
        NotFoundError, CategoryRetiredError: see `active_category`.
    """
    lock_between_rounds(session, project)
    category = active_category(session, project, category_id)
    effect = effect_of_retiring(session, project, category.id)
    change = CategoryChange(
        project_id=project.id,
        kind=Kind.RETIRE,
        category_id=category.id,
        parts=[],
        stays=False,
        details={"name": category.name, "effect": asdict(effect)},
        made_by=user_id,
    )

    def write(version: int) -> None:
        for table in (Example, HardNegative):
            session.execute(
                update(table)
                .where(
                    table.project_id == project.id,
                    table.category_id == category.id,
                    table.to_version.is_(None),
                )
                .values(to_version=version)
                .execution_options(synchronize_session=False)
            )

    return carry_out(session, project, change, write)
