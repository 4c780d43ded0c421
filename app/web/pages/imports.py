"""Imports of labelled pictures."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Fact, Frame, NavLink, Option


@dataclass(frozen=True)
class ImportLine:
    """An earlier import."""

    path: str
    filename: str
    state: str
    mark: str
    stored: str
    left_out: str
    created_at: str


@dataclass(frozen=True)
class ImportsPage:
    """Where archives and folders are dropped, and the imports before."""

    template: ClassVar[str] = "imports.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    name: str
    layouts: tuple[Fact, ...]
    imports: tuple[ImportLine, ...]


@dataclass(frozen=True)
class ImportCategory:
    """What a category gets."""

    name: str
    new: bool
    train: str
    test: str


@dataclass(frozen=True)
class ReasonLine:
    """How many files are left out for a reason."""

    says: str
    files: str


@dataclass(frozen=True)
class RefusedFile:
    """A file that is left out; `detail` is what the decoder says, in English."""

    filename: str
    says: str
    detail: str | None


@dataclass(frozen=True)
class ImportPage:
    """One import: its preview and choices, its progress, or its report."""

    template: ClassVar[str] = "import.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    name: str
    number: int
    filename: str
    state: str
    label: str
    mark: str
    about: str
    ready: bool
    running: bool
    begins: str
    done: int
    total: int
    progress: str
    error: str | None
    facts: tuple[Fact, ...]
    formats: tuple[Option, ...]
    intos: tuple[Option, ...]
    splits: tuple[Option, ...]
    rests: tuple[Option, ...]
    creates: bool
    notes: tuple[str, ...]
    categories: tuple[ImportCategory, ...]
    reasons: tuple[ReasonLine, ...]
    refused: tuple[RefusedFile, ...]
    untold: str | None
