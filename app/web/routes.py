"""The pages."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.dependencies import Labeler, Lead, PrincipalDep, UnitDep
from app.api.one_thread import OneThreadRoute
from app.db.session import database_now
from app.domain.access import Role
from app.domain.errors import NotFoundError
from app.usecases.preferences import preferences_of
from app.usecases.projects import list_projects
from app.web import (
    category_routes,
    import_routes,
    lead_routes,
    pool_routes,
    quality_routes,
    setup_routes,
    sign_in,
    takedown_routes,
    webhook_routes,
)
from app.web.framing import FramingDep
from app.web.home import project_lines
from app.web.languages import ENGLISH, LANGUAGES, script_catalogue
from app.web.lead import lead_page
from app.web.pages.entry import HomePage
from app.web.pages.seat import GridPage, LabelPage
from app.web.preferences import page_before, preferences_page
from app.web.round_pages import Order, compare_page, round_page
from app.web.templating import render

router = APIRouter(route_class=OneThreadRoute)
# The scripts of pages, which have words.
SPEAKING = frozenset(
    {
        "adjudicate",
        "category-form",
        "category-list",
        "change",
        "changes",
        "choosing",
        "exemplars",
        "duplicates",
        "filter",
        "grid",
        "import",
        "imports",
        "label",
        "lead",
        "leaks",
        "map",
        "new-project",
        "pool",
        "quality",
        "takedowns",
        "version",
        "webhooks",
    }
)
router.include_router(sign_in.router)
router.include_router(lead_routes.router)
# Before those that take whatever stands where it has "new" and "import".
router.include_router(setup_routes.router)
router.include_router(category_routes.router)
router.include_router(import_routes.router)
router.include_router(pool_routes.router)
router.include_router(takedown_routes.router)
router.include_router(quality_routes.router)
router.include_router(webhook_routes.router)


@router.get("/words/{name}.js")
def catalogue(name: str) -> Response:
    """What a script says in a language, as a module: `/words/de-label-<digest>.js`."""
    code, _, rest = name.partition("-")
    script, _, digest = rest.rpartition("-")
    if code == ENGLISH or code not in LANGUAGES or script not in SPEAKING:
        raise NotFoundError("catalogue", name)
    current, module = script_catalogue(code, script)
    # Another release's digest gets today's words, but does not keep them.
    kept = "public, max-age=31536000, immutable" if digest == current else "no-cache"
    return Response(module, media_type="text/javascript", headers={"Cache-Control": kept})


@router.get("/")
def home(unit: UnitDep, principal: PrincipalDep, framing: FramingDep) -> Response:
    """The caller's projects."""
    found = list_projects(unit.session, principal)
    words = framing.words
    return render(
        HomePage(
            framing.titled(words.t("Projects")),
            project_lines(unit.session, found, words),
            may_create=principal.may_create_projects,
        )
    )


@router.get("/preferences")
def preferences(
    request: Request, unit: UnitDep, principal: PrincipalDep, framing: FramingDep
) -> Response:
    """What the reader chose for all pages."""
    chosen = preferences_of(unit.session, principal.user_id)
    frame = framing.titled(framing.words.t("Preferences"), "choosing")
    return render(preferences_page(chosen, frame, page_before(request)))


@router.get("/projects/{project}/label")
def label(access: Labeler, framing: FramingDep) -> Response:
    """The labeler's seat."""
    return render(
        LabelPage(
            frame=framing.titled(
                framing.words.t("Label {project}", project=access.project.name), "label"
            ),
            slug=access.project.slug,
            project=access.project.name,
            user_id=access.principal.user_id,
            leads=access.role is Role.LEAD,
        )
    )


@router.get("/projects/{project}/label/grid")
def grid(access: Labeler, framing: FramingDep) -> Response:
    """The labeler's seat for a page at a time; `?category=` is read by its script."""
    return render(
        GridPage(
            frame=framing.titled(
                framing.words.t("Label {project}", project=access.project.name), "grid"
            ),
            slug=access.project.slug,
            project=access.project.name,
            user_id=access.principal.user_id,
            leads=access.role is Role.LEAD,
        )
    )


@router.get("/projects/{project}")
def lead(unit: UnitDep, access: Lead, framing: FramingDep) -> Response:
    """The project as its lead sees it."""
    frame = framing.titled(access.project.name, "lead")
    now = database_now(unit.session)
    return render(lead_page(unit.session, access.project, frame, framing.words, now))


@router.get("/projects/{project}/rounds/compare")
def compare(
    unit: UnitDep, access: Lead, framing: FramingDep, a: int | None = None, b: int | None = None
) -> Response:
    """Two rounds side by side."""
    frame = framing.titled(framing.words.t("Compare rounds"))
    return render(compare_page(unit.session, access.project, frame, framing.words, (a, b)))


@router.get("/projects/{project}/rounds/{number}")
def one_round(
    number: int,
    unit: UnitDep,
    access: Lead,
    framing: FramingDep,
    sort: str | None = None,
    order: str | None = None,
) -> Response:
    """A round with all its numbers."""
    frame = framing.titled(framing.words.t("Round {number}", number=number))
    wanted = Order.of(sort, order)
    return render(round_page(unit.session, access.project, number, frame, framing.words, wanted))
