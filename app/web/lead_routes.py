"""The other pages for leads: dataset versions and the event log."""

from enum import StrEnum
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api import dataset
from app.api.dependencies import ContextDep, Lead, UnitDep
from app.api.one_thread import OneThreadRoute
from app.api.schemas.dataset import ExportQuery
from app.db.event_queries import EventFilter
from app.db.version_diff import Change, ChangeFilter
from app.domain.errors import NotFoundError
from app.domain.event import Verb
from app.usecases.dataset.export_dataset import version_to_export
from app.web.events import events_page
from app.web.framing import FramingDep
from app.web.maps import map_page
from app.web.templating import render
from app.web.version_diff import version_diff_page
from app.web.versions import version_page, versions_page

router = APIRouter(route_class=OneThreadRoute)

_MOST = 2**31 - 1
K = TypeVar("K", bound=StrEnum)


@router.get("/projects/{project}/versions")
def versions(unit: UnitDep, access: Lead, framing: FramingDep) -> Response:
    """The dataset versions."""
    frame = framing.titled(framing.words.t("Versions"))
    return render(versions_page(unit.session, access.project, frame, framing.words))


# Before the page of one version: "compare" is no number.
@router.get("/projects/{project}/versions/compare")
def compare(
    unit: UnitDep,
    access: Lead,
    framing: FramingDep,
    one: int,
    other: int,
    change: str = "",
    category: str = "",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> Response:
    """What differs between two versions; an empty choice is any."""
    between = tuple(version_to_export(unit.session, access.project, n) for n in (one, other))
    wanted = ChangeFilter(_chosen(Change, change), _number(category))
    frame = framing.titled(framing.words.t("Versions {one} and {other}", one=one, other=other))
    return render(
        version_diff_page(unit.session, access.project, frame, framing.words, between, wanted, page)
    )


@router.get("/projects/{project}/versions/{number}")
def version(number: int, unit: UnitDep, access: Lead, framing: FramingDep) -> Response:
    """A version's datasheet."""
    frame = framing.titled(framing.words.t("Version {number}", number=number), "version")
    return render(version_page(unit.session, access.project, frame, framing.words, number))


@router.get("/projects/{project}/versions/{number}/export")
def export(
    number: int,
    context: ContextDep,
    access: Lead,
    wanted: Annotated[ExportQuery, Query()],
) -> Response:
    """What the form of the version's page asks for. A refusal is a page, unlike one over REST."""
    return dataset.export(context, access, wanted.model_copy(update={"version": number}))


@router.get("/projects/{project}/map")
def round_map(
    unit: UnitDep,
    access: Lead,
    framing: FramingDep,
    number: Annotated[int | None, Query(alias="round", ge=1, le=_MOST)] = None,
) -> Response:
    """The pictures of a round in the plane; without a number, of the newest that has a map."""
    frame = framing.titled(framing.words.t("Map"), "map")
    return render(map_page(unit.session, access.project, frame, framing.words, number))


@router.get("/projects/{project}/events")
def events(
    unit: UnitDep,
    access: Lead,
    framing: FramingDep,
    verb: str = "",
    login: str = "",
    before: Annotated[int, Query(ge=0, le=_MOST)] = _MOST,
) -> Response:
    """The log; an empty choice is any."""
    wanted = EventFilter(_chosen(Verb, verb), login or None)
    frame = framing.titled(framing.words.t("Events"))
    return render(events_page(unit.session, access.project, frame, framing.words, wanted, before))


def _chosen(kind: type[K], value: str) -> K | None:
    """What a form's choice means; the empty one is any."""
    if not value:
        return None
    try:
        return kind(value)
    except ValueError:
        raise NotFoundError("choice", value) from None


def _number(value: str) -> int | None:
    if not value:
        return None
    if not value.isascii() or not value.isdigit() or int(value) > _MOST:
        raise NotFoundError("choice", value)
    return int(value)
