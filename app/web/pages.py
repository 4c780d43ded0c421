"""What each page shows: one frozen dataclass a page, compared with its template by a test.

Templates only place these values: numbers are already text.
"""

from dataclasses import dataclass
from typing import ClassVar


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


@dataclass(frozen=True)
class LabelPage:
    """The labeler's seat. Its script fetches the proposals."""

    template: ClassVar[str] = "label.html"
    frame: Frame
    slug: str
    project: str
    user_id: int
    leads: bool


@dataclass(frozen=True)
class NavLink:
    """A page among those for leads; see `lead_nav`."""

    path: str
    label: str
    current: bool


@dataclass(frozen=True)
class GridPage:
    """The labeler's seat for a page of proposals at a time. Its script fetches them."""

    template: ClassVar[str] = "grid.html"
    frame: Frame
    slug: str
    project: str
    user_id: int
    leads: bool


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
    show_gold: bool
    show_confidence: bool
    show_others: bool


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
    settings: SettingsForm


@dataclass(frozen=True)
class NumberLine:
    """A number, and its interval or why it is missing."""

    label: str
    value: str
    note: str


@dataclass(frozen=True)
class Curve:
    """The loss of a training over its steps."""

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
    curve: Curve | None
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
    """A picture whose place differs between two versions."""

    thumbnail: str
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


@dataclass(frozen=True)
class EventRow:
    """Something that somebody did."""

    at: str
    who: str
    did: str
    details: str


@dataclass(frozen=True)
class EventsPage:
    """Who did what, the newest first."""

    template: ClassVar[str] = "events.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    name: str
    verbs: tuple[Option, ...]
    people: tuple[Option, ...]
    events: tuple[EventRow, ...]
    as_csv: str
    as_lines: str
    older: str | None


Page = (
    SignInPage
    | ErrorPage
    | HomePage
    | PreferencesPage
    | LabelPage
    | GridPage
    | LeadPage
    | RoundPage
    | ComparePage
    | VersionsPage
    | VersionPage
    | VersionDiffPage
    | EventsPage
)
