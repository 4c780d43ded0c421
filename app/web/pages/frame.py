"""What surrounds every page, and parts that several share."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """What surrounds every page. Without a user there is nobody to sign out.

    `catalogue` is the address of what the scripts say in another language than English.
    """

    title: str
    language: str
    direction: str
    catalogue: str | None
    user: str | None = None
    csrf: str = ""


@dataclass(frozen=True)
class NavLink:
    """A page among those for leads; see `lead_nav`."""

    path: str
    label: str
    current: bool


@dataclass(frozen=True)
class Fact:
    """A word and its value."""

    label: str
    value: str


@dataclass(frozen=True)
class Headline:
    """A number that the lead looks for first."""

    label: str
    value: str
    note: str


@dataclass(frozen=True)
class Dot:
    """A measured point of the chart, in its coordinates."""

    x: float
    y: float
    value: str
    round: str


@dataclass(frozen=True)
class Rule:
    """A horizontal line of the chart."""

    y: float
    value: str


@dataclass(frozen=True)
class Chart:
    """Test accuracy over rounds."""

    width: int
    height: int
    left: int
    line: str
    dots: tuple[Dot, ...]
    rules: tuple[Rule, ...]
    summary: str


@dataclass(frozen=True)
class Choice:
    """Something that can be chosen in a form."""

    value: str
    label: str


@dataclass(frozen=True)
class Option:
    """Something that can be chosen in a form, and whether it is."""

    value: str
    label: str
    chosen: bool
