"""The categories of a project, as its lead sees them."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Frame, Headline, NavLink
from .rounds import SortColumn


@dataclass(frozen=True)
class Level:
    """A horizontal line of a chart: how far down it is, as CSS and SVG say it (`12.5%`)."""

    y: str
    value: str


@dataclass(frozen=True)
class Mark:
    """A word below a chart: how far across it stands, and on which side of that."""

    x: str
    anchor: str
    value: str


@dataclass(frozen=True)
class Tail:
    """Pictures of each category in falling order, before growth and now.

    Lines are points of a square of 1000 by 1000 that is stretched over the chart.
    """

    seeds: str
    now: str
    levels: tuple[Level, ...]
    ranks: tuple[Mark, ...]
    summary: str


@dataclass(frozen=True)
class CategoryLine:
    """A line of the table of categories."""

    path: str
    name: str
    scientific_name: str
    seeds: str
    train: str
    test: str
    hard_negatives: str
    open: str
    precision: str
    interval: str


@dataclass(frozen=True)
class CategoriesPage:
    """All categories, a page at a time."""

    template: ClassVar[str] = "categories.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    name: str
    headlines: tuple[Headline, ...]
    tail: Tail | None
    meaning: str
    wanted: str
    sort: str
    order: str
    basis: str
    columns: tuple[SortColumn, ...]
    categories: tuple[CategoryLine, ...]
    shown: str
    previous: str | None
    following: str | None
