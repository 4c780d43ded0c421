"""The pages."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.api.dependencies import COOKIE, ContextDep, Labeler, Lead, PrincipalDep, UnitDep
from app.db.session import database_now
from app.domain.access import Role
from app.secrets import csrf_token
from app.usecases.projects import list_projects
from app.web import sign_in
from app.web.home import project_lines
from app.web.lead import lead_page
from app.web.pages import Frame, HomePage, LabelPage
from app.web.templating import render

router = APIRouter()
router.include_router(sign_in.router)


class Framing:
    """Makes the frame of a page for the reader who asks."""

    def __init__(self, request: Request, context: ContextDep, principal: PrincipalDep) -> None:
        self._user = principal.name
        # A program with an API token has no session; its pages come without a form token.
        token = request.cookies.get(COOKIE)
        self._csrf = csrf_token(context.settings.secret_key, token) if token else ""

    def titled(self, title: str) -> Frame:
        """The frame with this title."""
        return Frame(title=title, user=self._user, csrf=self._csrf)


FramingDep = Annotated[Framing, Depends()]


@router.get("/")
def home(unit: UnitDep, principal: PrincipalDep, framing: FramingDep) -> Response:
    """The caller's projects."""
    found = list_projects(unit.session, principal)
    return render(HomePage(framing.titled("Projects"), project_lines(unit.session, found)))


@router.get("/projects/{project}/label")
def label(access: Labeler, framing: FramingDep) -> Response:
    """The labeler's seat."""
    return render(
        LabelPage(
            frame=framing.titled(f"Label {access.project.name}"),
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
    return render(lead_page(unit.session, access.project, frame, now))
