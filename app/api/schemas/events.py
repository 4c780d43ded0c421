"""The event log."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from app.domain.event import Verb


class EventOut(BaseModel):
    """Something that somebody did."""

    id: int
    at: datetime
    login: str | None = Field(description="Who; null for the operator at the command line")
    name: str | None
    verb: Verb
    what: str = Field(description="A category's name, a login, the number of a round or a version")
    details: dict[str, Any]


class EventPage(BaseModel):
    """A part of the log, the newest first. Ask again with `before=next` for what is older."""

    events: list[EventOut]
    next: int | None
