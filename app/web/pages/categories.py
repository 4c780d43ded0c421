"""The categories of a project, as its lead sees them."""

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from .frame import Frame, Headline, NavLink
from .rounds import NumberLine, SortColumn


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
    slug: str
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


@dataclass(frozen=True)
class Bar:
    """A round's precision in a chart: its place, and its interval from `low` to `high`."""

    x: str
    y: str
    low: str
    high: str
    round: str


@dataclass(frozen=True)
class PrecisionChart:
    """Precision over rounds; `line` is in a stretched square of 1000 by 1000."""

    levels: tuple[Level, ...]
    bars: tuple[Bar, ...]
    line: str
    summary: str


@dataclass(frozen=True)
class LinkedName:
    """The name of a category, and where its board is."""

    path: str
    name: str


@dataclass(frozen=True)
class RoundLine:
    """What a round asked about the category."""

    path: str
    number: int
    proposals: str
    yes: str
    no: str
    unsure: str
    precision: str
    interval: str
    threshold: str


@dataclass(frozen=True)
class Confused:
    """Another category, and how often the two were taken for each other; nothing where never."""

    path: str
    name: str
    look_alike: bool
    taken_for: str
    taken_from: str
    picked_instead: str
    picked_here: str


@dataclass(frozen=True)
class BoardPicture:
    """A picture of the category; `may_show` whether it may be an exemplar."""

    thumbnail: str
    screen: str
    label: str
    note: str
    sha256: str
    may_show: bool


@dataclass(frozen=True)
class ExemplarPicture:
    """A picture that labelers are shown; `asked` if they are not before the open round ends."""

    thumbnail: str
    sha256: str
    label: str
    asked: bool


@dataclass(frozen=True)
class Tab:
    """One of the kinds of pictures, and how many there are."""

    path: str
    label: str
    current: bool


@dataclass(frozen=True)
class CategoryPage:
    """The board of one category."""

    template: ClassVar[str] = "category.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    path: str
    slug: str
    number: int
    project: str
    list_path: str
    name: str
    scientific_name: str
    retired: bool
    definition: Markup
    look_alikes: tuple[LinkedName, ...]
    numbers: tuple[NumberLine, ...]
    chart: PrecisionChart | None
    rounds: tuple[RoundLine, ...]
    by_hand: bool
    most: int
    exemplars: tuple[ExemplarPicture, ...]
    tested: str
    confused: tuple[Confused, ...]
    tabs: tuple[Tab, ...]
    pictures: tuple[BoardPicture, ...]
    shown: str
    previous: str | None
    following: str | None
