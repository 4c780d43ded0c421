"""The dataset: examples, hard negatives, versions, export."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from app.db import queries
from app.db.session import transaction
from app.db.version_diff import Change, ChangeFilter, change_counts, change_page
from app.db.version_facts import taken_down_since
from app.domain.errors import InvalidError, RoundInProgressError
from app.domain.event import Verb
from app.export.formats import FORMATS, file_name, write
from app.usecases.dataset.datasheet import datasheet_of
from app.usecases.dataset.export_dataset import Filters, select_rows, version_to_export
from app.usecases.events import record
from app.usecases.projects import category_by_name
from app.usecases.rounds.roll_back import effect_of_rolling_back, roll_back

from . import answers
from .dependencies import ContextDep, Lead, Reader, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.dataset import (
    ChangeCount,
    ChangedPicture,
    DatasetVersionOut,
    DatasheetOut,
    DiffOut,
    ExamplePage,
    ExportQuery,
    HardNegativePage,
    RollBackEffect,
)

router = APIRouter(tags=["dataset"], route_class=OneThreadRoute)

After = Annotated[int, Query(ge=0, description="`next` of the page before; 0 for the first")]
Limit = Annotated[int, Query(ge=1, le=1000)]


@router.get("/projects/{project}/examples", operation_id="listExamples", responses=responses())
def list_examples(unit: UnitDep, access: Lead, after: After = 0, limit: Limit = 100) -> ExamplePage:
    """The dataset as it is now, in pages."""
    rows = queries.example_page(unit.session, access.project.id, after, limit)
    return ExamplePage(
        examples=[answers.example_out(access.project.slug, *row) for row in rows],
        next=rows[-1][0].id if len(rows) == limit else None,
    )


@router.get(
    "/projects/{project}/hard-negatives", operation_id="listHardNegatives", responses=responses()
)
def list_hard_negatives(
    unit: UnitDep, access: Lead, after: After = 0, limit: Limit = 100
) -> HardNegativePage:
    """The hard negatives as they are now, in pages."""
    rows = queries.hard_negative_page(unit.session, access.project.id, after, limit)
    return HardNegativePage(
        hard_negatives=[answers.hard_negative_out(access.project.slug, *row) for row in rows],
        next=rows[-1][0].id if len(rows) == limit else None,
    )


@router.get("/projects/{project}/versions", operation_id="listVersions", responses=responses())
def list_versions(unit: UnitDep, access: Reader) -> list[DatasetVersionOut]:
    """The frozen versions, the newest first."""
    return [
        answers.version_out(version, number)
        for version, number in queries.versions(unit.session, access.project.id)
    ]


@router.get(
    "/projects/{project}/versions/{number}", operation_id="getVersion", responses=responses()
)
def get_version(number: int, unit: UnitDep, access: Reader) -> DatasheetOut:
    """The datasheet of a version: counts, sources, licences, known limits."""
    version = version_to_export(unit.session, access.project, number)
    made_by = queries.version_round(unit.session, version)
    return DatasheetOut(
        version=answers.version_out(version, made_by),
        **vars(datasheet_of(unit.session, version)),
        taken_down=taken_down_since(unit.session, version),
    )


@router.get(
    "/projects/{project}/versions/{number}/diff",
    operation_id="diffVersions",
    responses=responses(),
)
def diff(
    number: int,
    unit: UnitDep,
    access: Lead,
    since: Annotated[int, Query(description="The version to compare with")],
    change: Annotated[Change | None, Query(description="Only such changes")] = None,
    category: Annotated[str | None, Query(description="Only of this category, by name")] = None,
    skip: Annotated[int, Query(ge=0, le=2**31, description="`next` of the page before")] = 0,
    limit: Limit = 100,
) -> DiffOut:
    """What this version has that another has not, and the other way round."""
    one, other = (version_to_export(unit.session, access.project, n) for n in (since, number))
    of = category and category_by_name(unit.session, access.project, category).id
    wanted = ChangeFilter(change, of or None)
    counted = change_counts(unit.session, one, other)
    rows = change_page(unit.session, one, other, wanted, counted, skip=skip, limit=limit)
    return DiffOut(
        counts=[
            ChangeCount(category=row.name, change=row.kind, number=row.number) for row in counted
        ],
        pictures=[
            ChangedPicture(
                sha256=row.sha256,
                taken_down=row.taken_down,
                change=row.kind,
                category=row.category,
                split=row.split,
                was_category=row.was_category,
                was_split=row.was_split,
            )
            for row in rows
        ],
        next=skip + limit if len(rows) == limit else None,
    )


@router.get(
    "/projects/{project}/versions/{number}/rollback",
    operation_id="previewRollBack",
    responses=responses(),
)
def preview_roll_back(number: int, unit: UnitDep, access: Lead) -> RollBackEffect:
    """What going back to this version would do now."""
    effect = effect_of_rolling_back(unit.session, access.project, number)
    return RollBackEffect(version=number, **asdict(effect))


@router.post(
    "/projects/{project}/versions/{number}/rollback",
    operation_id="rollBack",
    status_code=201,
    responses=responses(RoundInProgressError, InvalidError),
)
def roll_back_to(number: int, unit: UnitDep, access: Lead) -> DatasetVersionOut:
    """Make the dataset as it was in this version: a new version, and nothing is deleted."""
    made, effect = roll_back(unit.session, access.project, number)
    details = {"version": made.number, **asdict(effect)}
    user_id = access.principal.user_id
    record(unit.session, access.project.id, user_id, Verb.ROLL_BACK, number, **details)
    return answers.version_out(made, None)


@router.get(
    "/projects/{project}/export",
    operation_id="exportDataset",
    response_class=StreamingResponse,
    responses=responses()
    | {
        200: {
            "description": "The version in the format that was asked for",
            "content": {facts.media_type: {} for facts in FORMATS.values()},
        }
    },
)
def export(
    context: ContextDep,
    access: Lead,
    wanted: Annotated[ExportQuery, Query()],
) -> StreamingResponse:
    """A dataset version to take away, streamed: pictures in one of four archives, or their list."""
    project = access.project
    filters = Filters(
        wanted.part, tuple(wanted.split), tuple(wanted.category), tuple(wanted.licence)
    )
    # All that the database has to say, at once: while a slow client reads, no connection is held.
    # In a transaction of its own, in which a cursor may live.
    with transaction(context.sessions) as session:
        frozen = version_to_export(session, project, wanted.version)
        selection = select_rows(session, context.blobs, project, frozen, filters)
        details = {"format": wanted.format, **filters.told()}
        user_id = access.principal.user_id
        record(session, project.id, user_id, Verb.EXPORT_DATASET, frozen.number, **details)
    name = file_name(selection.about, wanted.format)
    return StreamingResponse(
        write(wanted.format, selection),
        media_type=FORMATS[wanted.format].media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
