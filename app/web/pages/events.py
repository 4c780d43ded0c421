"""The event log."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Frame, NavLink, Option


@dataclass(frozen=True)
class EventRow:
    """Something that somebody did."""

    at: str
    who: str
    did: str
    details: str


@dataclass(frozen=True)
class EventsPage:
    """Who did what, the newest first."""

    template: ClassVar[str] = "events.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    name: str
    verbs: tuple[Option, ...]
    people: tuple[Option, ...]
    events: tuple[EventRow, ...]
    as_csv: str
    as_lines: str
    older: str | None
