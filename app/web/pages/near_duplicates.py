"""Images that show the same photograph, side by side."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Frame, NavLink


@dataclass(frozen=True)
class GroupPicture:
    """One image of a group. `notes` say what became of it; `measure` how near it is to the first."""

    sha256: str
    label: str
    thumbnail: str
    screen: str
    notes: tuple[str, ...]
    measure: str | None
    detached: bool


@dataclass(frozen=True)
class GroupLine:
    """A representative, and the images that it speaks for."""

    number: int
    label: str
    representative: GroupPicture
    members: tuple[GroupPicture, ...]


@dataclass(frozen=True)
class DuplicatesPage:
    """Groups of near-duplicates, a part of them at a time."""

    template: ClassVar[str] = "duplicates.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    pool_nav: tuple[NavLink, ...]
    slug: str
    name: str
    counted: str
    tabs: tuple[NavLink, ...]
    groups: tuple[GroupLine, ...]
    older: str | None
