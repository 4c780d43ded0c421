"""The pages on the quality of labels, and the seat of a lead who adjudicates."""

from fastapi import APIRouter
from starlette.responses import Response

from app.api.dependencies import Lead, UnitDep
from app.api.one_thread import OneThreadRoute
from app.web.framing import FramingDep
from app.web.pages.quality import AdjudicatePage
from app.web.quality import quality_page
from app.web.templating import render

router = APIRouter(route_class=OneThreadRoute)


@router.get("/projects/{project}/quality")
def quality(
    unit: UnitDep,
    access: Lead,
    framing: FramingDep,
    round: int | None = None,  # noqa: A002
) -> Response:
    """How well a round was labeled; without one, the newest with answers."""
    frame = framing.titled(framing.words.t("Quality"), "quality")
    return render(quality_page(unit.session, access.project, frame, framing.words, round))


@router.get("/projects/{project}/quality/adjudicate")
def adjudicate(access: Lead, framing: FramingDep) -> Response:
    """What waits for a lead, one question at a time."""
    name = access.project.name
    frame = framing.titled(framing.words.t("Decide in {project}", project=name), "adjudicate")
    return render(
        AdjudicatePage(frame, access.project.slug, name, user_id=access.principal.user_id)
    )
