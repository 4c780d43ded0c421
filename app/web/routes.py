"""The pages."""

from fastapi import APIRouter
from starlette.responses import Response

from app.api.dependencies import Labeler, Lead, PrincipalDep, UnitDep
from app.api.one_thread import OneThreadRoute
from app.db.session import database_now
from app.domain.access import Role
from app.domain.errors import NotFoundError
from app.usecases.projects import list_projects
from app.web import sign_in
from app.web.framing import FramingDep
from app.web.home import project_lines
from app.web.languages import ENGLISH, LANGUAGES, script_catalogue
from app.web.lead import lead_page
from app.web.pages import HomePage, LabelPage
from app.web.templating import render

router = APIRouter(route_class=OneThreadRoute)
router.include_router(sign_in.router)


@router.get("/words/{name}.js")
def catalogue(name: str) -> Response:
    """What the scripts say in a language, as a module: `/words/de-<digest>.js`."""
    code, _, digest = name.partition("-")
    if code == ENGLISH or code not in LANGUAGES:
        raise NotFoundError("catalogue", name)
    current, module = script_catalogue(code)
    # Another release's digest gets today's words, but does not keep them.
    kept = "public, max-age=31536000, immutable" if digest == current else "no-cache"
    return Response(module, media_type="text/javascript", headers={"Cache-Control": kept})


@router.get("/")
def home(unit: UnitDep, principal: PrincipalDep, framing: FramingDep) -> Response:
    """The caller's projects."""
    found = list_projects(unit.session, principal)
    words = framing.words
    return render(
        HomePage(framing.titled(words.t("Projects")), project_lines(unit.session, found, words))
    )


@router.get("/projects/{project}/label")
def label(access: Labeler, framing: FramingDep) -> Response:
    """The labeler's seat."""
    return render(
        LabelPage(
            frame=framing.titled(framing.words.t("Label {project}", project=access.project.name)),
            slug=access.project.slug,
            project=access.project.name,
            user_id=access.principal.user_id,
            leads=access.role is Role.LEAD,
        )
    )


@router.get("/projects/{project}")
def lead(unit: UnitDep, access: Lead, framing: FramingDep) -> Response:
    """The project as its lead sees it."""
    frame = framing.titled(access.project.name)
    now = database_now(unit.session)
    return render(lead_page(unit.session, access.project, frame, framing.words, now))
