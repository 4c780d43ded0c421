"""The stream of a project's newest round (server-sent events)."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Annotated, cast

from anyio import Event
from fastapi import APIRouter, Depends, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from app.api.answers import round_out
from app.api.dependencies import ContextDep, CredentialsDep, Lead
from app.context import Context
from app.db import queries
from app.db.session import database_now
from app.domain.access import Right
from app.domain.errors import DomainError
from app.usecases.people import Credentials, enter_project
from app.web.live import MOST, Live

router = APIRouter()
AGAIN = 2000  # milliseconds until a browser asks again after the end of a stream
PING = 15  # seconds: below the patience of proxies
SEND = 20  # seconds that a reader may take to take a message: who takes longer is gone
GRACE = 3  # seconds in which a stream notices that the server stops, and ends properly


def live_of(context: Context) -> Live:
    """Looks with the application's connections."""

    def look(project_id: int) -> str:
        with context.sessions.reading() as session:
            newest = queries.newest_round(session, project_id)
            if newest is None:
                return "null"
            return round_out(newest, database_now(session)).model_dump_json()

    return Live(look)


async def get_live(request: Request) -> Live:
    """What `create_app` built."""
    return cast("Live", request.app.state.live)


@router.get("/projects/{project}/rounds/live")
async def live_rounds(
    project: str,
    access: Lead,
    context: ContextDep,
    credentials: CredentialsDep,
    live: Annotated[Live, Depends(get_live)],
) -> EventSourceResponse:
    """The newest round as REST answers it, at once and after each change; `null` before the first."""
    # A coroutine without a `Unit`: neither a thread nor a connection is held while it waits.
    full = live.readers >= MOST
    stop = Event()
    may_look = _may(context, credentials, project)
    return EventSourceResponse(
        _nothing() if full else _events(live, access.project.id, may_look, stop),
        status_code=503 if full else 200,  # no browser comes back by itself after that
        ping=PING,
        send_timeout=SEND,
        shutdown_event=stop,
        shutdown_grace_period=GRACE,
        headers={"X-Accel-Buffering": "no"},  # nginx would keep messages back otherwise
    )


def _may(context: Context, credentials: Credentials, project: str) -> Callable[[], bool]:
    def may_look() -> bool:
        with context.sessions.reading() as session:
            try:
                return enter_project(session, credentials, project, Right.LEAD) is not None
            except DomainError:
                return False

    return may_look


async def _events(
    live: Live, project_id: int, may_look: Callable[[], bool], stop: Event
) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(comment="rounds", retry=AGAIN)
    # Closed with this one: a reader that is gone must be counted out at once.
    async with aclosing(live.read(project_id, may_look, stopping=stop.is_set)) as reading:
        async for told in reading:
            yield ServerSentEvent(told, event="round")


async def _nothing() -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(comment="too many streams")
