"""The lead's first page of a project."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Chart, Fact, Frame, Headline, NavLink
from .setup import RulesForm


@dataclass(frozen=True)
class StepLine:
    """A step of the round at work: `mark` is done, now, wait or failed."""

    label: str
    mark: str
    note: str


@dataclass(frozen=True)
class CurrentRound:
    """The unfinished round; `code` is its state as REST says it."""

    number: int
    code: str
    state: str
    labeling: bool
    steps: tuple[StepLine, ...]
    decided: int
    proposals: int
    answers: str
    close_effect: str
    cancel_effect: str


@dataclass(frozen=True)
class RoundRow:
    """A line of the table of rounds."""

    number: int
    state: str
    mark: str
    accuracy: str
    mean_class: str
    candidates: str
    withheld: str
    proposals: str
    yes: str
    no: str
    unsure: str
    precision: str
    decisions_per_yes: str
    seconds_per_yes: str
    timings: str
    error: str | None


@dataclass(frozen=True)
class CategoryRow:
    """A line of the table of categories."""

    name: str
    scientific_name: str
    train: str
    test: str
    hard_negatives: str


@dataclass(frozen=True)
class VersionRow:
    """A frozen dataset version."""

    number: int
    made_by: str
    examples: str
    hard_negatives: str
    content_hash: str
    short_hash: str
    created_at: str


@dataclass(frozen=True)
class MemberRow:
    """A member."""

    login: str
    name: str
    role: str


@dataclass(frozen=True)
class SettingsForm:
    """The project's settings as the form holds them: shares as percentages, empty for never."""

    grid_above: str
    grid_below: str
    picked: str
    gold_share: str
    audit_share: str
    redundancy: int
    redundancy_for: str
    most_labelers: int
    show_gold: bool
    show_confidence: bool
    show_others: bool


@dataclass(frozen=True)
class NextStep:
    """Something to do before the first round; `path` is where."""

    label: str
    note: str
    path: str
    link: str
    done: bool


@dataclass(frozen=True)
class LeadPage:
    """The project as its lead sees it."""

    template: ClassVar[str] = "lead.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    name: str
    description: str
    facts: tuple[Fact, ...]
    headlines: tuple[Headline, ...]
    current: CurrentRound | None
    next_number: int
    last_failure: str | None
    chart: Chart | None
    rounds: tuple[RoundRow, ...]
    comparable: bool
    categories: tuple[CategoryRow, ...]
    versions: tuple[VersionRow, ...]
    members: tuple[MemberRow, ...]
    steps: tuple[NextStep, ...]
    rules: RulesForm
    settings: SettingsForm
