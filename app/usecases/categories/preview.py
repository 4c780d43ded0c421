"""What a change of categories would do, told before it is done."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db.change_queries import round_at_work
from app.db.tables import Project
from app.domain.category_change import Effect, Part, Rest
from app.usecases.categories.carry_out import active_category
from app.usecases.categories.merge import check_merge, effect_of_merging
from app.usecases.categories.retire import effect_of_retiring
from app.usecases.categories.split import effect_of_splitting


@dataclass(frozen=True)
class Preview:
    """The effect as things are now; while `round` is at work, the change itself is refused.

    `open_questions` about the category are that round's. A rename has no effect on S and H.
    """

    effect: Effect | None
    round: int | None
    open_questions: int


def preview_merge(session: Session, project: Project, category_id: int, into_id: int) -> Preview:
    """What merging would do.

    Raises:
        NotFoundError, CategoryRetiredError, InvalidError: as `merge_categories` does.
    """
    check_merge(category_id, into_id)
    active_category(session, project, into_id)
    active_category(session, project, category_id)
    return _preview(
        session, project, category_id, effect_of_merging(session, project, category_id, into_id)
    )


def preview_split(
    session: Session, project: Project, category_id: int, parts: tuple[Part, ...], rest: Rest
) -> Preview:
    """What splitting would do.

    Raises:
        NotFoundError, CategoryRetiredError, InvalidError: as `split_category` does.
    """
    active_category(session, project, category_id)
    effect = effect_of_splitting(session, project, category_id, parts, rest)
    return _preview(session, project, category_id, effect)


def preview_retirement(session: Session, project: Project, category_id: int) -> Preview:
    """What retiring would do.

    Raises:
        NotFoundError, CategoryRetiredError: as `retire_category` does.
    """
    active_category(session, project, category_id)
    return _preview(
        session, project, category_id, effect_of_retiring(session, project, category_id)
    )


def _preview(session: Session, project: Project, category_id: int, effect: Effect) -> Preview:
    return Preview(effect, *round_at_work(session, project.id, category_id))
