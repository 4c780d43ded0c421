"""Dataset versions."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Choice, Fact, Frame, NavLink, Option
from .project import CategoryRow


@dataclass(frozen=True)
class VersionLine:
    """A line of the list of dataset versions; `manifest` leads to that of the round that made it."""

    number: int
    made_by: str
    manifest: str | None
    examples: str
    hard_negatives: str
    content_hash: str
    short_hash: str
    created_at: str


@dataclass(frozen=True)
class VersionsPage:
    """The dataset versions. `one` and `other` are compared unless others are chosen."""

    template: ClassVar[str] = "versions.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    name: str
    versions: tuple[VersionLine, ...]
    one: int
    other: int


@dataclass(frozen=True)
class OriginRow:
    """How much came by one way."""

    label: str
    examples: str
    hard_negatives: str


@dataclass(frozen=True)
class ShareRow:
    """How many pictures have something."""

    label: str
    pictures: str


@dataclass(frozen=True)
class VersionPage:
    """The datasheet of a dataset version, what it can be taken away as, and the way back to it."""

    template: ClassVar[str] = "version.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    name: str
    number: int
    facts: tuple[Fact, ...]
    categories: tuple[CategoryRow, ...]
    origins: tuple[OriginRow, ...]
    licences: tuple[ShareRow, ...]
    hosts: tuple[ShareRow, ...]
    limits: tuple[str, ...]
    formats: tuple[Choice, ...]
    named_categories: tuple[Choice, ...]
    named_licences: tuple[Choice, ...]
    before: int | None
    effect: str | None
    no_way_back: str | None


@dataclass(frozen=True)
class ChangeRow:
    """How many pictures of a category differ between two versions, by kind."""

    category: str
    added: str
    removed: str
    moved: str
    refused: str
    forgiven: str


@dataclass(frozen=True)
class ChangedPicture:
    """A picture whose place differs between two versions; without a thumbnail it was taken down."""

    thumbnail: str | None
    original: str
    category: str
    change: str
    place: str


@dataclass(frozen=True)
class VersionDiffPage:
    """What is in one dataset version and not in another."""

    template: ClassVar[str] = "version_diff.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    name: str
    one: int
    other: int
    rows: tuple[ChangeRow, ...]
    changes: tuple[Option, ...]
    categories: tuple[Option, ...]
    pictures: tuple[ChangedPicture, ...]
    shown: str
    previous: str | None
    following: str | None
