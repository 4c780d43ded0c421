"""What all changes of categories share: the lock, the versions around them, the row that says so."""

from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.tables import Category, CategoryChange, DatasetVersion, Example, HardNegative, Project
from app.domain.dataset import Cause
from app.domain.errors import (
    CategoryRetiredError,
    NotFoundError,
    RoundAtWorkError,
    RoundInProgressError,
)
from app.usecases.categories.settle import settle_categories
from app.usecases.dataset.freeze_dataset import freeze_dataset, newest_version, next_version
from app.usecases.rounds.start_round import lock_without_round


def lock_between_rounds(session: Session, project: Project) -> None:
    """Lock the project for update: of two leads who change categories at once, one waits here.

    Raises:
        RoundAtWorkError: while a round is not finished.
    """
    try:
        lock_without_round(session, project)
    except RoundInProgressError as refusal:
        raise RoundAtWorkError(refusal.number) from None


def active_category(
    session: Session, project: Project, category_id: int, *, lock: bool = False
) -> Category:
    """A category of the project that is not retired, as the database has it now.

    Raises:
        NotFoundError: when the project has no such category.
        CategoryRetiredError: when it is retired.
    """
    query = select(Category).where(Category.project_id == project.id, Category.id == category_id)
    found = session.scalar(
        (query.with_for_update() if lock else query).execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFoundError("category", category_id)
    if found.retired_at is not None:
        raise CategoryRetiredError(found.name)
    return found


def carry_out(
    session: Session, project: Project, change: CategoryChange, write: Callable[[int], None]
) -> CategoryChange:
    """Make a change a dataset version of its own.

    Args:
        session: Its transaction, which holds the project row for update.
        project: The project.
        change: The row, without its versions.
        write: Given the number of the version that is being made, changes S and H and the row.

    Returns:
        The row, complete.
    """
    change.before_version = _freeze(session, project, None)
    write(next_version(session, project))
    session.flush()
    change.version = _freeze(session, project, Cause.CATEGORY_CHANGE)
    session.add(change)
    settle_categories(session, project)
    return change


def _freeze(session: Session, project: Project, cause: Cause | None) -> int:
    """The number of the version that has all that S and H hold now; 0 before there was anything."""
    frozen = select(DatasetVersion.id).where(DatasetVersion.project_id == project.id).limit(1)
    held = [
        select(table.id).where(table.project_id == project.id).limit(1)
        for table in (Example, HardNegative)
    ]
    if not any(session.scalar(query) for query in (frozen, *held)):
        return newest_version(session, project)
    return freeze_dataset(session, project, cause).number


def held(session: Session, project: Project, category_id: int) -> tuple[int, int]:
    """How many examples and hard negatives a category has now."""
    examples, negatives = (
        session.scalars(
            select(func.count())
            .select_from(table)
            .where(
                table.project_id == project.id,
                table.category_id == category_id,
                table.to_version.is_(None),
            )
        ).one()
        for table in (Example, HardNegative)
    )
    return examples, negatives
