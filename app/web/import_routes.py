"""The pages of imports."""

from fastapi import APIRouter
from starlette.responses import Response

from app.api.dependencies import Lead, UnitDep
from app.api.one_thread import OneThreadRoute
from app.usecases.imports.import_images import import_by_id
from app.web.framing import FramingDep
from app.web.imports import import_page, imports_page
from app.web.templating import render

router = APIRouter(route_class=OneThreadRoute)


@router.get("/projects/{project}/import")
def imports(unit: UnitDep, access: Lead, framing: FramingDep) -> Response:
    """Where an archive or a folder is dropped, and the imports before."""
    frame = framing.titled(framing.words.t("Import"), "imports")
    return render(imports_page(unit.session, access.project, frame, framing.words))


@router.get("/projects/{project}/import/{import_id}")
def one_import(import_id: int, unit: UnitDep, access: Lead, framing: FramingDep) -> Response:
    """One import: what it would do, how far it is, or what came of it."""
    found = import_by_id(unit.session, access.project, import_id)
    frame = framing.titled(
        framing.words.t("Import of {filename}", filename=found.filename), "import"
    )
    return render(import_page(unit.session, access.project, found, frame, framing.words))
