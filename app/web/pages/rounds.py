"""One round, and two side by side."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Frame, NavLink, Rule


@dataclass(frozen=True)
class NumberLine:
    """A number, and its interval or why it is missing."""

    label: str
    value: str
    note: str


@dataclass(frozen=True)
class Curve:
    """What a training measured over its steps."""

    title: str
    width: int
    height: int
    left: int
    right: int
    line: str
    rules: tuple[Rule, ...]
    steps: str
    summary: str


@dataclass(frozen=True)
class SortColumn:
    """The head of a column: where a click leads, and how the column is sorted now, if it is."""

    label: str
    href: str
    sorted: str | None
    number: bool


@dataclass(frozen=True)
class CategoryAnswersRow:
    """What a round asked about a category."""

    name: str
    proposals: str
    yes: str
    no: str
    unsure: str
    precision: str
    interval: str


@dataclass(frozen=True)
class RoundPage:
    """One round with all its numbers. Of the rounds before and after it, those that there are."""

    template: ClassVar[str] = "round.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    project: str
    number: int
    state: str
    mark: str
    error: str | None
    so_far: bool
    before: int | None
    after: int | None
    numbers: tuple[NumberLine, ...]
    curves: tuple[Curve, ...]
    columns: tuple[SortColumn, ...]
    categories: tuple[CategoryAnswersRow, ...]


@dataclass(frozen=True)
class NumberCell:
    """A number in a table, and its interval or why it is missing."""

    value: str
    note: str


@dataclass(frozen=True)
class NumberPair:
    """A number of two rounds."""

    label: str
    first: NumberCell
    second: NumberCell
    difference: str


@dataclass(frozen=True)
class CategoryPair:
    """The precision of a category in two rounds."""

    name: str
    first: NumberCell
    second: NumberCell
    difference: str


@dataclass(frozen=True)
class ComparePage:
    """Two rounds side by side; without two rounds, the choice alone."""

    template: ClassVar[str] = "compare.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    project: str
    choices: tuple[int, ...]
    first: int | None
    second: int | None
    numbers: tuple[NumberPair, ...]
    categories: tuple[CategoryPair, ...]
