"""Rename, merge, split and retire categories, and take it back."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Row

from app.context import Unit
from app.db.change_queries import change_page
from app.db.session import database_now
from app.db.tables import CategoryChange
from app.domain.category_change import Effect, Kind, Part, holds
from app.domain.errors import (
    CategoryRetiredError,
    ChangeStandsError,
    InvalidError,
    RoundAtWorkError,
    TakenError,
)
from app.domain.event import Verb
from app.usecases.categories.merge import merge_categories
from app.usecases.categories.preview import (
    Preview,
    preview_merge,
    preview_retirement,
    preview_split,
)
from app.usecases.categories.rename import rename_category
from app.usecases.categories.retire import retire_category
from app.usecases.categories.settle import as_change, versions_kept
from app.usecases.categories.split import split_category
from app.usecases.categories.undo import check_undo, undo_change
from app.usecases.events import record
from app.usecases.people import Access

from .dependencies import Lead, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.category_changes import (
    ChangeAnswer,
    ChangeIn,
    ChangeOut,
    ChangePage,
    MergeIn,
    RenameIn,
    RetireIn,
    SplitIn,
)

router = APIRouter(tags=["categories"], route_class=OneThreadRoute)

VERBS = {
    Kind.RENAME: Verb.RENAME_CATEGORY,
    Kind.MERGE: Verb.MERGE_CATEGORIES,
    Kind.SPLIT: Verb.SPLIT_CATEGORY,
    Kind.RETIRE: Verb.RETIRE_CATEGORY,
}
DryRun = Annotated[bool, Query(description="Tell what it would do, and do nothing")]
_DRY: dict[int | str, dict[str, Any]] = {
    200: {"model": ChangeAnswer, "description": "What it would do"}
}


@router.post(
    "/projects/{project}/category-changes",
    operation_id="changeCategory",
    status_code=201,
    responses=_DRY | responses(RoundAtWorkError, CategoryRetiredError, TakenError, InvalidError),
)
def change_category(
    body: ChangeIn, unit: UnitDep, access: Lead, response: Response, *, dry_run: DryRun = False
) -> ChangeAnswer:
    """Rename, merge, split or retire a category. Each is a dataset version and can be undone."""
    if dry_run:
        response.status_code = 200
        preview = _preview(body, unit, access)
        return ChangeAnswer(
            change=None,
            effect=preview.effect,
            round=preview.round,
            open_questions=preview.open_questions,
        )
    change = _do(body, unit, access)
    _log(unit, access, VERBS[Kind(change.kind)], change)
    return _answer(unit, access, change)


@router.get(
    "/projects/{project}/category-changes",
    operation_id="listCategoryChanges",
    responses=responses(),
)
def list_changes(
    unit: UnitDep,
    access: Lead,
    before: Annotated[int | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ChangePage:
    """What was done to categories, the newest first."""
    rows = change_page(unit.session, access.project.id, before, limit)
    kept = versions_kept(unit.session, access.project)
    return ChangePage(
        changes=[change_out(row, kept) for row in rows],
        next=rows[-1][0].id if len(rows) == limit else None,
    )


@router.post(
    "/projects/{project}/category-changes/{change_id}/undo",
    operation_id="undoCategoryChange",
    responses=responses(RoundAtWorkError, ChangeStandsError, TakenError, InvalidError),
)
def undo(change_id: int, unit: UnitDep, access: Lead, *, dry_run: DryRun = False) -> ChangeAnswer:
    """Make the categories concerned what they were before a change."""
    if dry_run:
        return _answer(unit, access, check_undo(unit.session, access.project, change_id))
    user_id, now = access.principal.user_id, database_now(unit.session)
    change = undo_change(unit.session, access.project, change_id, user_id, now)
    _log(unit, access, Verb.UNDO_CATEGORY_CHANGE, change)
    return _answer(unit, access, change)


def _preview(body: RenameIn | MergeIn | SplitIn | RetireIn, unit: Unit, access: Access) -> Preview:
    session, project = unit.session, access.project
    match body:
        case MergeIn():
            return preview_merge(session, project, body.category_id, body.into_id)
        case SplitIn():
            return preview_split(session, project, body.category_id, _parts(body), body.rest)
        case RetireIn():
            return preview_retirement(session, project, body.category_id)
        case RenameIn():
            # Nothing of the dataset changes; whether the name is free, the attempt itself tells.
            with session.begin_nested() as trial:
                _do(body, unit, access)
                trial.rollback()
            return Preview(None, None, 0)


def _do(
    body: RenameIn | MergeIn | SplitIn | RetireIn, unit: Unit, access: Access
) -> CategoryChange:
    session, project, user_id = unit.session, access.project, access.principal.user_id
    match body:
        case MergeIn():
            return merge_categories(session, project, body.category_id, body.into_id, user_id)
        case SplitIn():
            return split_category(
                session, project, body.category_id, _parts(body), body.rest, user_id
            )
        case RetireIn():
            return retire_category(session, project, body.category_id, user_id)
        case RenameIn():
            return rename_category(
                session, project, body.category_id, body.name, body.scientific_name, user_id
            )


def _parts(body: SplitIn) -> tuple[Part, ...]:
    return tuple(Part(part.name, tuple(part.pictures)) for part in body.parts)


def _log(unit: Unit, access: Access, verb: Verb, change: CategoryChange) -> None:
    """The change's numbers, so that the log tells what was done without the table."""
    told = change.details
    details: dict[str, Any] = {
        name: told[name] for name in ("into", "parts", "rest") if name in told
    }
    if change.kind == Kind.RENAME:
        details = {"to": told["after"]["name"]}
    effect = {name: number for name, number in told.get("effect", {}).items() if number}
    record(
        unit.session,
        access.project.id,
        access.principal.user_id,
        verb,
        told["name"],
        change=change.id,
        **details,
        **effect,
    )


def _answer(unit: Unit, access: Access, change: CategoryChange) -> ChangeAnswer:
    unit.session.flush()
    row = change_page(unit.session, access.project.id, change.id + 1, 1)[0]
    told = change_out(row, versions_kept(unit.session, access.project))
    return ChangeAnswer(change=told, effect=told.effect, round=None, open_questions=0)


def change_out(row: Row[CategoryChange, str, str], kept: frozenset[int]) -> ChangeOut:
    """A change as REST tells it."""
    change, made_by, undone_by = row
    told = change.details
    renamed = change.kind == Kind.RENAME
    return ChangeOut(
        id=change.id,
        kind=Kind(change.kind),
        category_id=change.category_id,
        name=told["name"],
        renamed_to=told["after"]["name"] if renamed else None,
        into_id=change.into_id,
        into=told.get("into"),
        parts=told.get("parts", []),
        effect=None if renamed else Effect(**told["effect"]),
        version=change.version,
        made_by=made_by,
        made_at=change.created_at,
        undone_by=undone_by,
        undone_at=change.undone_at,
        holds=holds(as_change(change), kept),
    )
