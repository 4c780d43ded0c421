"""The event log."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from app.domain.event import Actor, Verb


class EventOut(BaseModel):
    """Something that somebody did."""

    id: int
    at: datetime
    actor: Actor = Field(
        description="`operator` is somebody at the command line, `system` a worker; neither has a login"
    )
    login: str | None = Field(description="Who; null unless it is a person")
    name: str | None
    verb: Verb
    what: str = Field(description="A category's name, a login, the number of a round or a version")
    details: dict[str, Any]


class EventPage(BaseModel):
    """A part of the log, the newest first. Ask again with `before=next` for what is older."""

    events: list[EventOut]
    next: int | None
