"""The coarse filter of a project."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Frame, NavLink
from .rounds import NumberLine


@dataclass(frozen=True)
class NegativeLine:
    """A picture out of the domain."""

    sha256: str
    origin: str


@dataclass(frozen=True)
class FilterPage:
    """The filter, its threshold and its negatives.

    The scores of the pool and what lies around the threshold are asked for by the script: counting a
    million takes longer than a page may. `trained` says that a filter is in force.
    """

    template: ClassVar[str] = "filter.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    pool_nav: tuple[NavLink, ...]
    slug: str
    name: str
    trained: bool
    heading: str
    about: str
    busy: bool
    done: int
    total: int | None
    progress: str | None
    error: str | None
    missing: tuple[str, ...]
    numbers: tuple[NumberLine, ...]
    threshold: int
    threshold_shown: str
    negatives: tuple[NegativeLine, ...]
    negatives_shown: str
    most_images: int
