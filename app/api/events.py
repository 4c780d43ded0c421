"""The log of a project."""

import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import Row

from app.db.event_queries import EventFilter, all_events, event_page
from app.db.session import transaction
from app.db.tables import Event
from app.domain.event import Verb, actor_of
from app.export.members import csv_line, json_line, spooled

from .dependencies import ContextDep, Lead, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.events import EventOut, EventPage

router = APIRouter(tags=["events"], route_class=OneThreadRoute)


class LogFormat(StrEnum):
    """What the log can be taken away as."""

    CSV = "csv"
    JSON_LINES = "jsonl"


_MEDIA = {LogFormat.CSV: "text/csv", LogFormat.JSON_LINES: "application/jsonl"}

DidWhat = Annotated[Verb | None, Query(description="Only what is of this kind")]
DidWho = Annotated[str | None, Query(description="Only what the person with this login did")]


@router.get("/projects/{project}/events", operation_id="listEvents", responses=responses())
def list_events(
    unit: UnitDep,
    access: Lead,
    verb: DidWhat = None,
    login: DidWho = None,
    before: Annotated[int | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> EventPage:
    """Who did what, the newest first, in pages."""
    wanted = EventFilter(verb, login)
    rows = event_page(unit.session, access.project.id, wanted, before, limit)
    return EventPage(
        events=[_event_out(row) for row in rows],
        next=rows[-1][0].id if len(rows) == limit else None,
    )


@router.get(
    "/projects/{project}/events/export",
    operation_id="exportEvents",
    response_class=StreamingResponse,
    responses=responses()
    | {200: {"description": "The log", "content": {media: {} for media in _MEDIA.values()}}},
)
def export_events(
    context: ContextDep,
    access: Lead,
    verb: DidWhat = None,
    login: DidWho = None,
    format: LogFormat = LogFormat.CSV,  # noqa: A002 - the name that exports use
) -> StreamingResponse:
    """The whole log, or what the filters leave of it, to take away."""
    name = f"{access.project.slug}-events.{format}"
    with transaction(context.sessions) as session:
        events = map(_event_out, all_events(session, access.project.id, EventFilter(verb, login)))
        # At once: while a slow client reads, no connection is held.
        kept = spooled(name, _csv(events) if format is LogFormat.CSV else _json_lines(events))
    return StreamingResponse(
        kept.pieces(),
        media_type=_MEDIA[format],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _event_out(row: Row[Event, str, str]) -> EventOut:
    event, login, name = row
    return EventOut(
        id=event.id,
        at=event.created_at,
        actor=actor_of(Verb(event.verb), event.user_id),
        login=login,
        name=name,
        verb=Verb(event.verb),
        what=event.what,
        details=event.details,
    )


def _json_lines(events: Iterable[EventOut]) -> Iterator[bytes]:
    return (json_line(event.model_dump(mode="json")) for event in events)


def _csv(events: Iterable[EventOut]) -> Iterator[bytes]:
    yield csv_line(EventOut.model_fields)
    for event in events:
        values = event.model_dump(mode="json")
        yield csv_line((values | {"details": json.dumps(event.details)}).values())
