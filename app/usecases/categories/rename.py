"""A lead gives a category another name."""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.tables import Category, CategoryChange, Project
from app.domain.category_change import Kind
from app.domain.errors import InvalidError, TakenError
from app.domain.names import check_name
from app.usecases.categories.carry_out import active_category
from app.usecases.dataset.freeze_dataset import newest_version


def rename_category(
    session: Session,
    project: Project,
    category_id: int,
    name: str,
    scientific_name: str | None,
    user_id: int,
) -> CategoryChange:
    """Rename a category, also while a round is at work; frozen versions keep the name they have.

    A scientific name of None is left as it is.

    Raises:
        NotFoundError, CategoryRetiredError: see `active_category`.
        InvalidError: for an unusable name, or when it has these names already.
        TakenError: when another category has the name, in whatever case.
    """
    category = active_category(session, project, category_id, lock=True)
    before = names_of(category)
    category.name = check_name("name", name)
    if scientific_name is not None:
        category.scientific_name = scientific_name and check_name(
            "scientific_name", scientific_name
        )
    try:
        session.flush()
    except IntegrityError:
        raise TakenError("category", name) from None
    change = note_rename(session, category, before, user_id)
    if change is None:
        raise InvalidError("name", "The category is called so already.")
    return change


def names_of(category: Category) -> dict[str, str]:
    """What a category is called."""
    return {"name": category.name, "scientific_name": category.scientific_name}


def note_rename(
    session: Session, category: Category, before: dict[str, str], user_id: int
) -> CategoryChange | None:
    """Keep that a category was renamed; None if it was not."""
    if before == names_of(category):
        return None
    newest = newest_version(session, session.get_one(Project, category.project_id))
    change = CategoryChange(
        project_id=category.project_id,
        kind=Kind.RENAME,
        category_id=category.id,
        parts=[],
        stays=True,
        details={"name": before["name"], "before": before, "after": names_of(category)},
        before_version=newest,
        version=newest,
        made_by=user_id,
    )
    session.add(change)
    session.flush()
    return change
