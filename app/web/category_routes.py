"""The pages of the categories."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.dependencies import Lead, UnitDep
from app.api.one_thread import OneThreadRoute
from app.web.categories import Wanted, categories_page
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
