"""The map of a round."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Frame, NavLink, Option
from .rounds import NumberLine


@dataclass(frozen=True)
class MapPage:
    """The map of one round; without a number there is none yet, and the note says why.

    `drawing` is the number of a round whose map is being drawn.
    """

    template: ClassVar[str] = "map.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    project: str
    number: int | None
    rounds: tuple[Option, ...]
    numbers: tuple[NumberLine, ...]
    summary: str
    note: str | None
    drawing: int | None
