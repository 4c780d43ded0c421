"""The page of takedowns."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.dependencies import Lead, UnitDep
from app.api.one_thread import OneThreadRoute
from app.domain.takedown import LONGEST_NAMED
from app.web.framing import FramingDep
from app.web.takedowns import takedowns_page
from app.web.templating import render

router = APIRouter(route_class=OneThreadRoute)

_MOST = 2**31 - 1


@router.get("/projects/{project}/pool/takedowns")
def takedowns(
    unit: UnitDep,
    access: Lead,
    framing: FramingDep,
    what: Annotated[str, Query(max_length=2 * LONGEST_NAMED)] = "",
    before: Annotated[int | None, Query(ge=1, le=_MOST)] = None,
) -> Response:
    """What was taken down, and where more is; `what` fills the form."""
    frame = framing.titled(framing.words.t("Takedowns"), "takedowns")
    return render(takedowns_page(unit.session, access.project, frame, framing.words, what, before))
