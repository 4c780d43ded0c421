"""The examples of a category that labelers are shown."""

from fastapi import APIRouter

from app.context import Unit
from app.db.tables import Category
from app.domain.errors import InvalidError
from app.domain.event import Verb
from app.usecases.categories.choose_exemplars import choose_exemplars, exemplars_of, reset_exemplars
from app.usecases.events import record
from app.usecases.people import Access
from app.usecases.projects import category_by_id

from . import answers
from .dependencies import Lead, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.exemplars import ExemplarsIn, ExemplarsOut

router = APIRouter(tags=["projects"], route_class=OneThreadRoute)
PATH = "/projects/{project}/categories/{category_id}/exemplars"


@router.get(PATH, operation_id="getExemplars", responses=responses())
def get_exemplars(category_id: int, unit: UnitDep, access: Lead) -> ExemplarsOut:
    """The exemplars as labelers meet them, in their order."""
    return _out(unit, access, category_by_id(unit.session, access.project, category_id))


@router.put(PATH, operation_id="setExemplars", responses=responses(InvalidError))
def set_exemplars(category_id: int, body: ExemplarsIn, unit: UnitDep, access: Lead) -> ExemplarsOut:
    """Choose the exemplars by hand: from each labeler's next questions on, until they are reset.

    One that leaves the dataset is not shown.
    """
    category = category_by_id(unit.session, access.project, category_id)
    choose_exemplars(unit.session, category, body.exemplars)
    _log(unit, access, category, [each[:12] for each in body.exemplars])
    return _out(unit, access, category)


@router.delete(PATH, operation_id="resetExemplars", responses=responses())
def reset(category_id: int, unit: UnitDep, access: Lead) -> ExemplarsOut:
    """Let the model choose: the examples nearest to its anchors, one for each anchor first."""
    category = category_by_id(unit.session, access.project, category_id)
    if exemplars_of(unit.session, category).by_hand:
        _log(unit, access, category, "by the model")
    reset_exemplars(unit.session, category)
    return _out(unit, access, category)


def _log(unit: Unit, access: Access, category: Category, exemplars: str | list[str]) -> None:
    record(
        unit.session,
        access.project.id,
        access.principal.user_id,
        Verb.CHANGE_CATEGORY,
        category.name,
        exemplars=exemplars,
    )


def _out(unit: Unit, access: Access, category: Category) -> ExemplarsOut:
    shown = exemplars_of(unit.session, category)
    return ExemplarsOut(
        by_hand=shown.by_hand,
        exemplars=[answers.image_out(access.project.slug, image) for image in shown.images],
        asked=sorted(shown.asked),
    )
