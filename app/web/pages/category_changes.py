"""Changing whole categories."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Choice, Frame, NavLink


@dataclass(frozen=True)
class SplitPicture:
    """An example that may become one of a new category; `note` says its split if it is the test's."""

    sha256: str
    thumbnail: str
    screen: str
    label: str
    note: str


@dataclass(frozen=True)
class ChangeCategoryPage:
    """Rename, merge, split or retire a category. `retired` says that it is so already."""

    template: ClassVar[str] = "change_category.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    project: str
    number: int
    name: str
    scientific_name: str
    path: str
    list_path: str
    changes_path: str
    retired: bool
    at_work: str | None
    others: tuple[Choice, ...]
    examples: int
    pictures: tuple[SplitPicture, ...]
    shown: str
    previous: str | None
    following: str | None


@dataclass(frozen=True)
class ChangeLine:
    """What was done to a category, what that did to the dataset, and whether it still holds."""

    number: int
    did: str
    effect: str
    who: str
    at: str
    version: int
    state: str
    holds: bool


@dataclass(frozen=True)
class CategoryChangesPage:
    """The changes of a project's categories, the newest first."""

    template: ClassVar[str] = "category_changes.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    project: str
    list_path: str
    changes: tuple[ChangeLine, ...]
    older: str | None
