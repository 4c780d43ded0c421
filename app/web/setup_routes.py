"""The pages on which a project is made and its categories are written down."""

from fastapi import APIRouter
from starlette.responses import Response

from app.api.dependencies import ContextDep, Lead, PrincipalDep, UnitDep
from app.api.one_thread import OneThreadRoute
from app.usecases.projects import category_by_id, check_may_create
from app.web.framing import FramingDep
from app.web.setup import category_form_page, category_list_page, new_project_page
from app.web.templating import render

router = APIRouter(route_class=OneThreadRoute)


# Before the page of a project: "new" cannot be the slug of one.
@router.get("/projects/new")
def new_project(principal: PrincipalDep, context: ContextDep, framing: FramingDep) -> Response:
    """The form that makes a project."""
    check_may_create(principal)
    frame = framing.titled(framing.words.t("New project"), "new-project")
    return render(new_project_page(frame, framing.words, context.settings.weights_dir))


# Before the page of one category: "import" and "new" are no numbers.
@router.get("/projects/{project}/categories/import")
def category_list(access: Lead, framing: FramingDep) -> Response:
    """Where many categories are created and changed at once."""
    frame = framing.titled(framing.words.t("Import categories"), "category-list")
    return render(category_list_page(access.project, frame, framing.words))


@router.get("/projects/{project}/categories/new")
def new_category(unit: UnitDep, access: Lead, framing: FramingDep) -> Response:
    """The form that creates a category."""
    frame = framing.titled(framing.words.t("New category"), "category-form")
    return render(category_form_page(unit.session, access.project, frame, framing.words, None))


@router.get("/projects/{project}/categories/{category_id}/edit")
def edit_category(category_id: int, unit: UnitDep, access: Lead, framing: FramingDep) -> Response:
    """The form that changes a category."""
    category = category_by_id(unit.session, access.project, category_id)
    frame = framing.titled(category.name, "category-form")
    return render(category_form_page(unit.session, access.project, frame, framing.words, category))
