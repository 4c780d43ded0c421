"""The dataset: examples, hard negatives, versions, export."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from app.db import queries
from app.usecases.export_dataset import export_zip, version_to_export

from . import answers, schemas
from .dependencies import ContextDep, Lead, Reader, UnitDep
from .problems import responses

router = APIRouter(tags=["dataset"])

After = Annotated[int, Query(ge=0, description="`next` of the page before; 0 for the first")]
Limit = Annotated[int, Query(ge=1, le=1000)]


@router.get("/projects/{project}/examples", operation_id="listExamples", responses=responses())
def list_examples(
    unit: UnitDep, access: Lead, after: After = 0, limit: Limit = 100
) -> schemas.ExamplePage:
    """The dataset as it is now, in pages."""
    rows = queries.example_page(unit.session, access.project.id, after, limit)
    return schemas.ExamplePage(
        examples=[answers.example_out(access.project.slug, *row) for row in rows],
        next=rows[-1][0].id if len(rows) == limit else None,
    )


@router.get(
    "/projects/{project}/hard-negatives", operation_id="listHardNegatives", responses=responses()
)
def list_hard_negatives(
    unit: UnitDep, access: Lead, after: After = 0, limit: Limit = 100
) -> schemas.HardNegativePage:
    """The hard negatives as they are now, in pages."""
    rows = queries.hard_negative_page(unit.session, access.project.id, after, limit)
    return schemas.HardNegativePage(
        hard_negatives=[answers.hard_negative_out(access.project.slug, *row) for row in rows],
        next=rows[-1][0].id if len(rows) == limit else None,
    )


@router.get("/projects/{project}/versions", operation_id="listVersions", responses=responses())
def list_versions(unit: UnitDep, access: Reader) -> list[schemas.DatasetVersionOut]:
    """The frozen versions, the newest first."""
    return [
        answers.version_out(version, number)
        for version, number in queries.versions(unit.session, access.project.id)
    ]


@router.get(
    "/projects/{project}/export",
    operation_id="exportDataset",
    response_class=StreamingResponse,
    responses=responses() | {200: {"content": {"application/zip": {}}, "description": "The zip"}},
)
def export(
    unit: UnitDep,
    context: ContextDep,
    access: Lead,
    version: Annotated[int | None, Query(description="Without it, the newest")] = None,
) -> StreamingResponse:
    """A version as a streamed ImageFolder zip: train, test, hard_negatives, manifest.csv and .jsonl."""
    project = access.project
    frozen = version_to_export(unit.session, project, version)
    name = f"{project.slug}-v{frozen.number}.zip"
    return StreamingResponse(
        export_zip(context.sessions, context.blobs, project, frozen),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
