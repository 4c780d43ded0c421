"""Candidates beside the test pictures that show the same."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Frame, NavLink


@dataclass(frozen=True)
class LeakPicture:
    """One side of a pair."""

    label: str
    thumbnail: str
    screen: str


@dataclass(frozen=True)
class LeakLine:
    """A test picture and the candidate, told by its hash; `measure` says how near they are."""

    sha256: str
    label: str
    pictures: tuple[LeakPicture, LeakPicture]
    category: str | None
    measure: str
    released: bool


@dataclass(frozen=True)
class LeaksPage:
    """Pairs of candidates and test pictures, a part of them at a time."""

    template: ClassVar[str] = "leaks.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    pool_nav: tuple[NavLink, ...]
    slug: str
    name: str
    counted: str
    tabs: tuple[NavLink, ...]
    leaks: tuple[LeakLine, ...]
    older: str | None
