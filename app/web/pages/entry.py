"""Signing in, the list of projects, preferences, refusals."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Frame


@dataclass(frozen=True)
class SignInPage:
    """The form that opens a session."""

    template: ClassVar[str] = "sign_in.html"
    frame: Frame
    form_token: str
    next_path: str
    login: str
    problem: str | None


@dataclass(frozen=True)
class ErrorPage:
    """A refusal."""

    template: ClassVar[str] = "error.html"
    frame: Frame
    status: int
    heading: str
    detail: str
    sign_in: bool


@dataclass(frozen=True)
class ProjectLine:
    """A project in the caller's list."""

    slug: str
    name: str
    description: str
    role: str
    state: str
    leads: bool
    open: bool


@dataclass(frozen=True)
class HomePage:
    """The caller's projects."""

    template: ClassVar[str] = "home.html"
    frame: Frame
    projects: tuple[ProjectLine, ...]
    may_create: bool


@dataclass(frozen=True)
class LanguageChoice:
    """A language that the pages speak, by its own name."""

    code: str
    name: str


@dataclass(frozen=True)
class PreferencesPage:
    """What the reader chose for all pages; `chosen` is None where the browser decides."""

    template: ClassVar[str] = "preferences.html"
    frame: Frame
    languages: tuple[LanguageChoice, ...]
    chosen: str | None
    break_minutes: int
    longest_work: int
    grid_size: int
    least_grid: int
    most_grid: int
    back: str | None
