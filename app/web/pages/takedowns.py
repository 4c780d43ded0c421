"""Pictures that were taken down."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Frame, NavLink


@dataclass(frozen=True)
class TakedownLine:
    """A takedown in the list. `lifted` says why it cannot be lifted."""

    id: int
    kind: str
    key: str
    short: str
    reason: str
    went: str
    who: str
    at: str
    liftable: bool
    lifted: str


@dataclass(frozen=True)
class TakedownsPage:
    """What was taken down, and the form that takes more down; `what` fills its first field."""

    template: ClassVar[str] = "takedowns.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    pool_nav: tuple[NavLink, ...]
    slug: str
    name: str
    what: str
    takedowns: tuple[TakedownLine, ...]
    older: str | None
