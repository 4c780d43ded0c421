"""The page of webhooks."""

from fastapi import APIRouter
from starlette.responses import Response

from app.api.dependencies import Lead, UnitDep
from app.api.one_thread import OneThreadRoute
from app.web.framing import FramingDep
from app.web.templating import render
from app.web.webhooks import webhooks_page

router = APIRouter(route_class=OneThreadRoute)


@router.get("/projects/{project}/webhooks")
def webhooks(unit: UnitDep, access: Lead, framing: FramingDep) -> Response:
    """Who is told of rounds, and what they were sent."""
    frame = framing.titled(framing.words.t("Webhooks"), "webhooks")
    return render(webhooks_page(unit.session, access.project, frame, framing.words))
