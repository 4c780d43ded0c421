"""Imports of labelled pictures: uploaded, looked at, started, followed."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile

from app.context import Context
from app.db.session import database_now
from app.db.tables import Import
from app.domain.errors import ImportRefusedError, NoSpaceError, TooLargeError, TransitionError
from app.domain.importing import ImportFormat, ImportState, Into, Rest, SplitBy
from app.domain.ingestion import ImageOutcome
from app.imports.archive import open_archive
from app.imports.draft import Draft, draft
from app.usecases.imports import import_images
from app.usecases.imports.import_images import Received
from app.usecases.imports.import_plan import ImportOptions

from .dependencies import ContextDep, Lead, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.imports import ImportDetailOut, ImportOptionsIn, ImportOut, LeftOutFile, PreviewOut

router = APIRouter(tags=["imports"], route_class=OneThreadRoute)


@router.post(
    "/projects/{project}/imports",
    operation_id="createImport",
    status_code=201,
    responses=responses(ImportRefusedError, TooLargeError, NoSpaceError),
)
def create_import(
    file: Annotated[
        UploadFile, File(description="A zip or a tar (plain, gzip, bzip2) of labelled pictures")
    ],
    unit: UnitDep,
    context: ContextDep,
    access: Lead,
    kind: Annotated[
        ImportFormat | None, Form(alias="format", description="Found out where it is left out")
    ] = None,
    into: Annotated[Into, Form(description="The dataset's examples, or the pool")] = Into.EXAMPLES,
    split: Annotated[
        SplitBy,
        Form(description="Who decides the split of an example; see `changeImport`"),
    ] = SplitBy.GIVEN,
    rest: Annotated[
        Rest, Form(description="Pictures without a category, and hard negatives")
    ] = Rest.SKIP,
    *,
    create_categories: Annotated[bool, Form(description="Make categories that are missing")] = True,
    start: Annotated[
        bool, Form(description="Begin at once; false is a dry run that `startImport` may follow")
    ] = True,
) -> ImportDetailOut:
    """Upload an archive of labelled pictures. A worker imports it; ask `getImport` how far it is."""
    name = file.filename or "archive"
    told = draft(open_archive(file.file, name), kind)
    # Nothing was asked of the database here yet: storing an archive takes its time.
    key = f"imports/{secrets.token_hex(16)}"
    file.file.seek(0)
    context.blobs.put_file(key, file.file)
    received = Received(name, context.blobs.size(key), key, told)
    options = ImportOptions(into, split, rest, create_categories)
    user_id = access.principal.user_id
    made = import_images.receive_import(unit.session, access.project, user_id, received, options)
    if start:
        _start(unit, access, made)
    unit.session.flush()
    return _detail(unit, made)


@router.get("/projects/{project}/imports", operation_id="listImports", responses=responses())
def list_imports(unit: UnitDep, access: Lead) -> list[ImportOut]:
    """The imports of a project, the newest first; the last 50."""
    return [import_out(each) for each in import_images.imports(unit.session, access.project)]


@router.get(
    "/projects/{project}/imports/{import_id}", operation_id="getImport", responses=responses()
)
def get_import(import_id: int, unit: UnitDep, access: Lead) -> ImportDetailOut:
    """How far an import is, what it would do or did, and each file that it left out."""
    return _detail(unit, import_images.import_by_id(unit.session, access.project, import_id))


@router.put(
    "/projects/{project}/imports/{import_id}",
    operation_id="changeImport",
    responses=responses(ImportRefusedError, TransitionError),
)
def change_import(
    import_id: int, body: ImportOptionsIn, unit: UnitDep, context: ContextDep, access: Lead
) -> ImportDetailOut:
    """Choose otherwise before an import starts; the answer holds the new preview."""
    found = import_images.import_by_id(unit.session, access.project, import_id)
    told = _look_again(context, found, body.format)
    locked = import_images.import_by_id(unit.session, access.project, import_id, lock=True)
    options = ImportOptions(body.into, body.split, body.rest, body.create_categories)
    import_images.change_import(unit.session, access.project, locked, told, options)
    return _detail(unit, locked)


@router.post(
    "/projects/{project}/imports/{import_id}/start",
    operation_id="startImport",
    responses=responses(TransitionError),
)
def start_import(import_id: int, unit: UnitDep, access: Lead) -> ImportDetailOut:
    """Begin what was uploaded and looked at."""
    found = import_images.import_by_id(unit.session, access.project, import_id, lock=True)
    _start(unit, access, found)
    return _detail(unit, found)


@router.post(
    "/projects/{project}/imports/{import_id}/cancel",
    operation_id="cancelImport",
    responses=responses(TransitionError),
)
def cancel_import(import_id: int, unit: UnitDep, access: Lead) -> ImportDetailOut:
    """Forget an upload, or end an import where it is: what is stored stays."""
    found = import_images.import_by_id(unit.session, access.project, import_id, lock=True)
    now = database_now(unit.session)
    import_images.cancel_import(unit.session, found, access.principal.user_id, now)
    return _detail(unit, found)


def _start(unit: UnitDep, access: Lead, of: Import) -> None:
    now = database_now(unit.session)
    job = import_images.start_import(unit.session, of, access.principal.user_id, now)
    unit.send_after_commit(job)


def _look_again(context: Context, of: Import, kind: ImportFormat | None) -> Draft:
    if of.blob_key is None or of.state != ImportState.READY:
        raise TransitionError("import", of.state, "start")
    with context.blobs.open(of.blob_key) as file:
        return draft(open_archive(file, of.filename), kind)


def import_out(of: Import) -> ImportOut:
    """An import without its lists."""
    return ImportOut(**_facts(of))


def _facts(of: Import) -> dict[str, Any]:
    counted = [*(each.value for each in ImageOutcome), "train", "test", "pool"]
    return {
        "id": of.id,
        "filename": of.filename,
        "size": of.size,
        "format": of.format,
        **of.options,
        "state": of.state,
        "total": of.total,
        "done": of.done,
        **{name: of.counts.get(name, 0) for name in counted},
        "categories_created": of.categories_created,
        "reasons": of.reasons,
        "error": of.error,
        "created_at": of.created_at,
        "started_at": of.started_at,
        "finished_at": of.finished_at,
    }


def _detail(unit: UnitDep, of: Import) -> ImportDetailOut:
    left_out = [
        LeftOutFile(filename=each.filename, reason=each.reason, detail=each.detail)
        for each in import_images.refusals(unit.session, of)
    ]
    preview = PreviewOut(**of.preview)
    return ImportDetailOut(**_facts(of), preview=preview, refusals=left_out)
