"""The pages of the categories."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.dependencies import Lead, UnitDep
from app.api.one_thread import OneThreadRoute
from app.usecases.projects import category_by_id
from app.web.board import Shown, category_page
from app.web.categories import Wanted, categories_page
from app.web.category_changes import category_changes_page, change_category_page
from app.web.framing import FramingDep
from app.web.templating import render

router = APIRouter(route_class=OneThreadRoute)

Page = Annotated[int, Query(ge=1, le=1_000_000)]


@router.get("/projects/{project}/categories")
def categories(
    unit: UnitDep,
    access: Lead,
    framing: FramingDep,
    name: Annotated[str, Query(max_length=200)] = "",
    sort: str = "",
    order: str = "",
    page: Page = 1,
) -> Response:
    """All categories; a part of a name leaves out the others."""
    frame = framing.titled(framing.words.t("Categories"))
    wanted = Wanted.of(name, sort, order, page)
    return render(categories_page(unit.session, access.project, frame, framing.words, wanted))


# Before the page of one category: "changes" is no number.
@router.get("/projects/{project}/categories/changes")
def changes(
    unit: UnitDep,
    access: Lead,
    framing: FramingDep,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """What was done to categories, and how to undo it."""
    frame = framing.titled(framing.words.t("Changes of the categories"), "changes")
    return render(category_changes_page(unit.session, access.project, frame, framing.words, before))


@router.get("/projects/{project}/categories/{category_id}/change")
def change(
    category_id: int, unit: UnitDep, access: Lead, framing: FramingDep, page: Page = 1
) -> Response:
    """Rename, merge, split or retire one category."""
    found = category_by_id(unit.session, access.project, category_id)
    frame = framing.titled(framing.words.t("Change {name}", name=found.name), "change")
    return render(
        change_category_page(unit.session, access.project, found, frame, framing.words, page)
    )


@router.get("/projects/{project}/categories/{category_id}")
def category(
    category_id: int,
    unit: UnitDep,
    access: Lead,
    framing: FramingDep,
    show: str = Shown.EXAMPLES,
    page: Page = 1,
) -> Response:
    """The board of one category."""
    found = category_by_id(unit.session, access.project, category_id)
    frame = framing.titled(found.name, "exemplars")
    wanted = Shown(show) if show in set(Shown) else Shown.EXAMPLES
    return render(
        category_page(unit.session, access.project, found, frame, framing.words, wanted, page)
    )
