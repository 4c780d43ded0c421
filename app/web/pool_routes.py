"""The pages about the pool."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.dependencies import ContextDep, Lead, UnitDep
from app.api.one_thread import OneThreadRoute
from app.db.batch_queries import one_batch
from app.domain.errors import NotFoundError
from app.domain.location import locations
from app.web.filters import filter_page
from app.web.framing import FramingDep
from app.web.leaks import leaks_page
from app.web.near_duplicates import duplicates_page
from app.web.pool import batch_report_page, pool_page
from app.web.templating import render

router = APIRouter(route_class=OneThreadRoute)

_MOST = 2**31 - 1


@router.get("/projects/{project}/pool")
def pool(
    unit: UnitDep,
    context: ContextDep,
    access: Lead,
    framing: FramingDep,
    before: Annotated[int | None, Query(ge=1, le=_MOST)] = None,
) -> Response:
    """What is in the pool, and the batches that brought it."""
    frame = framing.titled(framing.words.t("Pool"), "pool")
    allowed = locations(context.settings.sync_locations or "")
    page = pool_page(unit.session, access.project, allowed, frame, framing.words, before)
    return render(page)


@router.get("/projects/{project}/pool/batches/{batch_id}")
def batch(batch_id: int, unit: UnitDep, access: Lead, framing: FramingDep) -> Response:
    """One batch: its progress and its report."""
    found = one_batch(unit.session, access.project.id, None, batch_id)
    if found is None:
        raise NotFoundError("batch", batch_id)
    of, _, who = found
    frame = framing.titled(framing.words.t("Batch {name}", name=of.name), "pool")
    return render(batch_report_page(unit.session, access.project, (of, who), frame, framing.words))


@router.get("/projects/{project}/pool/duplicates")
def duplicates(
    unit: UnitDep,
    access: Lead,
    framing: FramingDep,
    before: Annotated[int | None, Query(ge=1, le=_MOST)] = None,
    *,
    detached: bool = False,
) -> Response:
    """Images of one photograph, side by side."""
    frame = framing.titled(framing.words.t("Duplicates"), "duplicates")
    page = duplicates_page(
        unit.session, access.project, frame, framing.words, detached=detached, before=before
    )
    return render(page)


@router.get("/projects/{project}/pool/filter")
def coarse_filter(
    unit: UnitDep, context: ContextDep, access: Lead, framing: FramingDep
) -> Response:
    """The coarse filter: its threshold, what lies around it, its negatives."""
    frame = framing.titled(framing.words.t("Coarse filter"), "filter")
    most = context.settings.most_request_images
    return render(filter_page(unit.session, access.project, frame, framing.words, most))


@router.get("/projects/{project}/pool/leaks")
def leaks(
    unit: UnitDep,
    access: Lead,
    framing: FramingDep,
    before: Annotated[int | None, Query(ge=1, le=_MOST)] = None,
    *,
    released: bool = False,
) -> Response:
    """Candidates beside the test pictures that show the same."""
    frame = framing.titled(framing.words.t("Leak guard"), "leaks")
    page = leaks_page(
        unit.session, access.project, frame, framing.words, released=released, before=before
    )
    return render(page)
