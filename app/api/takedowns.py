"""Takedowns: pictures that must go and stay away."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from app.context import Context, Unit
from app.db import takedown_queries
from app.db.session import database_now
from app.db.tables import Takedown
from app.domain.errors import InvalidError
from app.domain.takedown import LONGEST_NAMED, Effect, Kind, Named, check_reason, named
from app.usecases.people import Access
from app.usecases.takedowns.take_down import lift_takedown, preview_takedown, take_down
from app.usecases.takedowns.tombstones import Asked

from .dependencies import ContextDep, Lead, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.takedowns import (
    COPIES,
    EffectOut,
    NewTakedown,
    TakedownOut,
    TakedownPreview,
    TakedownReason,
)

router = APIRouter(tags=["takedowns"], route_class=OneThreadRoute)


@router.get("/projects/{project}/takedowns", operation_id="listTakedowns", responses=responses())
def list_takedowns(
    unit: UnitDep,
    access: Lead,
    before: Annotated[int | None, Query(description="The last `id` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[TakedownOut]:
    """What was taken down here or on the whole server, the newest first."""
    rows = takedown_queries.takedowns(unit.session, access.project.id, before, limit)
    return [_out(*row) for row in rows]


@router.get(
    "/projects/{project}/takedowns/preview",
    operation_id="previewTakedown",
    responses=responses(InvalidError),
)
def preview(
    what: Annotated[str, Query(max_length=2 * LONGEST_NAMED, description="As `takeDown` has it")],
    unit: UnitDep,
    access: Lead,
    copies: Annotated[bool, Query(description=COPIES)] = False,  # noqa: FBT002
) -> TakedownPreview:
    """What a takedown would do now."""
    found = named(what, copies=copies)
    effect = preview_takedown(unit.session, access.project, found)
    return TakedownPreview(kind=found.kind, effect=EffectOut(**asdict(effect)))


@router.post(
    "/projects/{project}/takedowns",
    operation_id="takeDown",
    status_code=201,
    responses=responses(InvalidError),
)
def take_down_named(
    body: NewTakedown, unit: UnitDep, context: ContextDep, access: Lead
) -> TakedownOut:
    """Remove pictures from pool, dataset, exports and storage, and keep them out from now on."""
    return _take_down(unit, context, access, named(body.what, copies=body.copies), body.reason)


@router.post(
    "/projects/{project}/images/{sha256}/takedown",
    operation_id="takeDownImage",
    status_code=201,
    responses=responses(InvalidError),
)
def take_down_image(
    sha256: str, body: TakedownReason, unit: UnitDep, context: ContextDep, access: Lead
) -> TakedownOut:
    """The same for one picture."""
    return _take_down(unit, context, access, named(sha256), body.reason)


@router.post(
    "/projects/{project}/takedowns/{takedown_id}/lift",
    operation_id="liftTakedown",
    responses=responses(InvalidError),
)
def lift(takedown_id: int, unit: UnitDep, access: Lead) -> TakedownOut:
    """Let it come again. It does not come back by itself: send the picture again."""
    principal = access.principal
    now = database_now(unit.session)
    lifted = lift_takedown(unit.session, access.project, takedown_id, principal.user_id, now)
    made_by = takedown_queries.login(unit.session, lifted.made_by)
    return _out(lifted, made_by, principal.login)


def _take_down(
    unit: Unit, context: Context, access: Access, what: Named, reason: str
) -> TakedownOut:
    principal = access.principal
    asked = Asked(what, check_reason(reason), principal.user_id)
    now = database_now(unit.session)
    made = take_down(unit.session, context.blobs, access.project, asked, now)
    unit.session.flush()
    return _out(made, principal.login, None)


def _out(of: Takedown, made_by: str | None, lifted_by: str | None) -> TakedownOut:
    return TakedownOut(
        id=of.id,
        kind=Kind(of.kind),
        key=of.key,
        reason=of.reason,
        everywhere=of.project_id is None,
        effect=EffectOut(**asdict(Effect(**of.effect))),
        made_by=made_by,
        created_at=of.created_at,
        lifted_by=lifted_by,
        lifted_at=of.lifted_at,
    )
