"""Requests and answers of /api/v1. OpenAPI is made of these, so each says what it means."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.db.version_diff import Change
from app.domain.access import Role
from app.domain.dataset import Split
from app.domain.decision import Answer, Picked, Reason, Stage
from app.domain.event import Verb
from app.domain.grid import Mostly
from app.domain.ingestion import ImageOutcome
from app.domain.job import JobKind, JobState
from app.domain.lease import MOST_LEASED
from app.domain.preferences import Language
from app.domain.redundancy import MOST_LABELERS, RedundancyFor
from app.domain.round import Policy, RoundState
from app.export.formats import FORMATS, Format
from app.usecases.datasheet import Held, Limits, Origin, Share
from app.usecases.export_dataset import Wanted


class Body(BaseModel):
    """A request body: unknown fields are refused, because a misspelt one would be lost silently."""

    model_config = ConfigDict(extra="forbid")


# Projects


class NewProject(Body):
    """What a lead chooses for a project."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "slug": "alpine-flowers",
                    "name": "Alpine flowers",
                    "policy": "disjoint",
                    "subsets": 4,
                }
            ]
        },
    )
    slug: str = Field(description="Name in addresses: a-z, 0-9 and inner hyphens")
    name: str
    description: str = ""
    policy: Policy = Field(
        default=Policy.RESCORE,
        description="`rescore`: every undecided candidate is scored again each round; "
        "`disjoint`: the pool is cut into `subsets` parts, one for each round (the paper)",
    )
    subsets: int = Field(default=1, ge=1, le=1000)
    threshold: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="A candidate is proposed when its confidence is above it",
    )
    backbone: str = Field(
        default="mobilenet_v3_large", description="torchvision's name, or `filterbank`"
    )
    weights: str | None = Field(
        default=None,
        description="Name of a file in the operator's weights folder; without it, torchvision's own",
    )
    image_size: int = Field(default=224, ge=32, le=1024)
    seed: int = Field(default=0, ge=0, lt=2**31)


class ProjectOut(BaseModel):
    """A project and the caller's role in it."""

    slug: str
    name: str
    description: str
    policy: Policy
    subsets: int
    threshold: float
    backbone: str
    weights: str | None
    image_size: int
    seed: int
    grid_above: float | None
    grid_below: float | None
    picked: Picked
    gold_share: float
    audit_share: float
    redundancy: int
    redundancy_for: RedundancyFor
    show_gold: bool
    show_confidence: bool
    show_others: bool
    created_at: datetime
    role: Role


class ProjectChanges(Body):
    """What a lead may change later; what is left out stays. A round keeps what it began with."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"threshold": 0.7, "policy": "rescore"}]}
    )
    name: str | None = None
    description: str | None = None
    policy: Policy | None = None
    subsets: int | None = Field(default=None, ge=1, le=1000)
    threshold: float | None = Field(default=None, ge=0, lt=1)
    grid_above: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="A category may be labeled as a grid of mostly right pictures where its "
        "expected precision is at least this; an explicit null is never",
    )
    grid_below: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The same for mostly wrong pictures: at most this; an explicit null is never",
    )
    picked: Picked | None = Field(
        default=None,
        description="Who answers the proposal that a picked category makes: `same`, the labeler "
        "who picked it has said yes; `another` labeler is asked",
    )
    gold_share: float | None = Field(
        default=None,
        ge=0,
        le=0.2,
        description="Questions with a known answer that the next round mixes in, for each of its own",
    )
    audit_share: float | None = Field(
        default=None,
        ge=0,
        le=0.2,
        description="Earlier answers that the next round asks about again, for each question of its own",
    )
    redundancy: int | None = Field(
        default=None,
        ge=1,
        le=MOST_LABELERS,
        description="How many people answer a proposal of the next round: the majority is the "
        "answer, a tie goes to a lead",
    )
    redundancy_for: RedundancyFor | None = Field(
        default=None,
        description="Whether that is for `all` proposals, or where the `risk` is high: the model is "
        "not sure, or about half of the category's proposals are expected to be right",
    )
    show_gold: bool | None = Field(
        default=None, description="Whether labelers see how many of these they got right"
    )
    show_confidence: bool | None = Field(
        default=None, description="Whether labelers see the model's confidence: it leads the answer"
    )
    show_others: bool | None = Field(
        default=None,
        description="Whether labelers see that others were unsure: it leads the answer",
    )


class NewRole(Body):
    """A member's role."""

    role: Role


class MemberOut(BaseModel):
    """A member of a project."""

    login: str
    name: str
    role: Role


# Categories


class CategoryIn(Body):
    """What a lead writes about a category."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Spring gentian",
                    "scientific_name": "Gentiana verna",
                    "definition": "Five **deep blue** petals, white throat.",
                    "look_alikes": ["Bavarian gentian"],
                }
            ]
        },
    )
    name: str
    scientific_name: str = ""
    definition: str = Field(default="", description="Markdown; raw HTML is shown as text")
    look_alikes: list[str] = Field(
        default_factory=list, description="Names of categories of this project"
    )


class CategoryCounts(BaseModel):
    """How much a category holds."""

    train: int
    test: int
    hard_negatives: int


class CategoryOut(BaseModel):
    """A category."""

    id: int
    name: str
    scientific_name: str
    definition: str
    look_alikes: list[str]
    counts: CategoryCounts


# Pictures


class SourceIn(Body):
    """Where a picture came from. Leave out what is not known."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "url": "https://example.org/gentian.jpg",
                    "tags": ["flower", "alps"],
                    "author": "A. Botanist",
                    "licence": "CC BY 4.0",
                    "crawled_at": "2026-01-31T12:00:00Z",
                }
            ]
        },
    )
    url: str | None = None
    tags: list[str] = Field(default_factory=list)
    author: str | None = None
    licence: str | None = None
    crawled_at: datetime | None = None


class SourceOut(BaseModel):
    """Where an image came from, as its crawler told."""

    url: str | None
    tags: list[str]
    author: str | None
    licence: str | None
    crawled_at: datetime | None


class ImageAnswerOut(BaseModel):
    """What became of one file."""

    filename: str
    outcome: ImageOutcome
    sha256: str | None
    reason: str | None = Field(default=None, examples=["truncated"])
    detail: str | None = Field(default=None, description="What is wrong and what to do")


class UploadAnswer(BaseModel):
    """The answer for each file, in the order they were sent, and the counts."""

    stored: int
    duplicate: int
    conflict: int
    rejected: int
    images: list[ImageAnswerOut]


class ImageOut(BaseModel):
    """An image and where its pictures are."""

    sha256: str
    width: int
    height: int
    thumbnail_url: str
    screen_url: str
    original_url: str


class ImageDetailOut(ImageOut):
    """An image with its sources."""

    format: str
    size: int
    sources: list[SourceOut]


class ExampleOut(BaseModel):
    """An image in the dataset."""

    id: int
    image: ImageOut
    category: str
    split: Split
    provenance: str = Field(examples=["seed", "round 2"])
    from_version: int


class HardNegativeOut(BaseModel):
    """An image and the category that it is not."""

    id: int
    image: ImageOut
    category: str
    provenance: str
    from_version: int


class ExamplePage(BaseModel):
    """A part of the dataset. Ask again with `after=next` for what follows."""

    examples: list[ExampleOut]
    next: int | None


class HardNegativePage(BaseModel):
    """A part of the hard negatives. Ask again with `after=next` for what follows."""

    hard_negatives: list[HardNegativeOut]
    next: int | None


class DatasetVersionOut(BaseModel):
    """A frozen manifest."""

    number: int
    round: int | None = Field(description="The round that made it; null for seeds and going back")
    restores: int | None = Field(description="The version that it brought back, if it did")
    content_hash: str
    examples: int
    hard_negatives: int
    created_at: datetime


class DatasheetOut(BaseModel):
    """What a version holds, where it comes from, and what is wanting.

    Pictures may have several licences and hosts, and count for each. The empty name stands for
    pictures of which none is known.
    """

    version: DatasetVersionOut
    categories: tuple[Held, ...]
    origins: tuple[Origin, ...]
    licences: tuple[Share, ...]
    hosts: tuple[Share, ...]
    limits: Limits


class ChangeCount(BaseModel):
    """How many pictures of a category differ in this way."""

    category: str
    change: Change
    number: int


class ChangedPicture(BaseModel):
    """A picture whose place differs; `was_...` only where it moved."""

    sha256: str
    change: Change
    category: str
    split: Split | None
    was_category: str | None
    was_split: Split | None


class DiffOut(BaseModel):
    """What is in one version and not in another. Ask again with `skip=next` for what follows."""

    counts: list[ChangeCount]
    pictures: list[ChangedPicture]
    next: int | None


class RollBackEffect(BaseModel):
    """What going back to a version does to the dataset of now.

    An example that is of another category or split than it was leaves and comes back.
    """

    version: int
    examples_leave: int
    examples_return: int
    hard_negatives_leave: int
    hard_negatives_return: int
    to_pool: int = Field(description="Pictures that become candidates again")
    from_pool: int = Field(description="Candidates that become examples again")


class EventOut(BaseModel):
    """Something that somebody did."""

    id: int
    at: datetime
    login: str | None = Field(description="Who; null for the operator at the command line")
    name: str | None
    verb: Verb
    what: str = Field(description="A category's name, a login, the number of a round or a version")
    details: dict[str, Any]


class EventPage(BaseModel):
    """A part of the log, the newest first. Ask again with `before=next` for what is older."""

    events: list[EventOut]
    next: int | None


# Rounds


class ExportQuery(Body):
    """What to take away, and as what. A filter that is left out leaves out nothing."""

    version: int | None = Field(default=None, description="Without it, the newest")
    format: Format = Field(
        default=Format.IMAGE_FOLDER,
        description=" ".join(f"`{name}`: {facts.says}" for name, facts in FORMATS.items()),
    )
    part: Wanted | None = Field(
        default=None,
        description="Without it everything, or the examples alone where a split is named",
    )
    split: list[Split] = Field(default=[], description="Of the examples; may be repeated")
    category: list[str] = Field(
        default=[], description="Names, as the version knows them; may be repeated"
    )
    licence: list[str] = Field(
        default=[],
        description="Pictures with a source of this licence; may be repeated. "
        "The empty text stands for pictures of which no licence is known",
    )


class JobOut(BaseModel):
    """A step of a round that workers do."""

    kind: JobKind
    state: JobState
    attempt: int
    step: int
    steps: int | None
    rate: float | None = Field(description="Steps a second since this attempt began")
    seconds_left: float | None
    seconds: float | None = Field(description="How long the finished attempt took")
    worker_alive: bool | None = Field(description="Whether a running job's worker beats")
    error: str | None


class RoundOut(BaseModel):
    """A round: its state, its work, its numbers. A number that is not known is null."""

    number: int
    state: RoundState
    policy: Policy
    threshold: float
    trained_on: int = Field(description="Number of the dataset version that it trained on")
    started_at: datetime
    labeling_at: datetime | None
    ended_at: datetime | None
    candidates: int | None = Field(description="How many candidates were scored")
    proposals: int | None = Field(
        description="The model's questions and those that picked categories added"
    )
    withheld: int | None = Field(
        description="Candidates nobody may see, because they nearly equal a test picture"
    )
    yes: int
    no: int
    unsure: int
    precision: float | None = Field(description="yes / (yes + no)")
    top1: float | None = Field(description="Accuracy on the frozen test split")
    mean_class: float | None = Field(description="Mean per-category accuracy on the test split")
    tested_on: int = Field(description="Pictures in the test split")
    jobs: list[JobOut]
    error: str | None


# Labeling


ClientName = Annotated[
    str,
    Field(description="Any name that one tab or program keeps, so that a reload finds its lease"),
]


class GridRequest(Body):
    """Ask for a page of a grid: proposals of one category."""

    category_id: int | None = Field(
        default=None, description="The category; null is the first that may be labeled so"
    )


class LeaseRequest(Body):
    """Ask for the next proposals."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"client": "tab-5f1c", "count": 5, "have": [17, 18]}]},
    )
    client: ClientName
    count: int = Field(default=5, ge=1, le=MOST_LEASED)
    have: list[int] = Field(
        default_factory=list,
        max_length=4 * MOST_LEASED,
        description="Proposals whose details the caller holds already: they are not sent again",
    )
    grid: GridRequest | None = Field(
        default=None,
        description="Lease proposals of one category only. Use another client name than for single "
        "proposals: the two kinds of lease are then apart",
    )


class ClientBody(Body):
    """Which tab or program calls."""

    client: ClientName


class Progress(BaseModel):
    """How far the round is."""

    round: int
    decided: int
    total: int
    mine: int = Field(description="Decisions of the caller in this round that are in force")
    others: int = Field(
        description="Open proposals that wait for somebody else: another labeler, or a lead"
    )


class CategoryName(BaseModel):
    """A category, by name."""

    category_id: int
    name: str


class ConfusableOut(CategoryName):
    """The category that this candidate is most easily taken for, and its nearest examples."""

    exemplars: list[str] = Field(description="Content hashes, the nearest first")


class ContrastOut(BaseModel):
    """What stands beside one candidate, as content hashes, the nearest first."""

    exemplars: list[str] = Field(
        description="Examples of the category: the nearest of each of its modes, then the others"
    )
    confusable: ConfusableOut | None
    rejected: list[str] = Field(description="Pictures that labelers said are not of the category")


class EarlierOut(BaseModel):
    """What another labeler answered before."""

    answer: Answer
    reason: Reason | None


class LeaseOut(BaseModel):
    """A proposal that the caller holds."""

    id: int
    lease_token: str
    lease_expires_at: datetime


class LeasedProposal(LeaseOut):
    """The binary question, and what stands beside it."""

    category_id: int
    image: str = Field(description="The candidate's content hash; see `images`")
    stage: Stage = Field(description="Whether others were unsure: first, second labeler, lead")
    contrast: ContrastOut
    likely: list[CategoryName] = Field(
        description="What else it may be: at most five, the likeliest first, never the one asked"
    )
    confidence: float | None = Field(description="Null unless the lead shows it")
    earlier: list[EarlierOut] = Field(description="Empty unless the lead shows it")


class CategoryGrid(BaseModel):
    """That a category may be labeled a page at a time."""

    mostly: Mostly = Field(description="What most answers are expected to be")
    open: int = Field(description="Open proposals; no more than 1000 are counted")


class LabelingCategory(BaseModel):
    """What a labeler sees of a category."""

    id: int
    name: str
    scientific_name: str
    definition_html: str
    look_alikes: list[str]
    exemplars: list[str] = Field(description="Content hashes; see `images`")
    grid: CategoryGrid | None = Field(description="Null where only single proposals are allowed")


class GridLease(BaseModel):
    """Which category a page of a grid asks about."""

    category_id: int
    mostly: Mostly


class LeaseAnswer(BaseModel):
    """What the caller holds, in labeling order, and the details that it asked for.

    `progress` is null between rounds.
    """

    progress: Progress | None
    leases: list[LeaseOut] = Field(description="All that this client holds now")
    proposals: list[LeasedProposal] = Field(description="Details of those not in `have`")
    categories: list[LabelingCategory] = Field(description="The categories of `proposals`")
    images: dict[str, ImageOut] = Field(
        description="Every image that proposals and categories refer to, by content hash"
    )
    grid: GridLease | None


class NewDecision(Body):
    """An answer to a proposal."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"lease_token": "mF9x...", "answer": "yes", "seconds": 1.4},
                {"lease_token": "mF9x...", "answer": "no", "reason": "bad-picture"},
            ]
        },
    )
    lease_token: str
    answer: Answer = Field(description="yes, no or unsure")
    seconds: float | None = Field(default=None, ge=0, le=86_400, description="Time taken, seconds")
    reason: Reason | None = Field(default=None, description="Why, only with a no")
    category_id: int | None = Field(
        default=None,
        description="What it is instead, only with the reason `other-category`: the picture is "
        "proposed for that category, once",
    )


class DecisionOut(BaseModel):
    """A decision that is in the database."""

    id: int
    proposal_id: int
    answer: Answer
    reason: Reason | None
    picked: CategoryName | None = Field(description="The category that the labeler picked instead")
    created_at: datetime


class DecisionAnswer(BaseModel):
    """The saved decision and how far the round is."""

    decision: DecisionOut
    progress: Progress


class GridDecision(Body):
    """One answer of a page of a grid."""

    key: str = Field(description="Its idempotency key: the same one again for a retry")
    proposal_id: int
    lease_token: str
    answer: Answer = Field(description="yes, no or unsure")
    seconds: float | None = Field(default=None, ge=0, le=86_400, description="Time taken, seconds")


class GridPage(Body):
    """The answers of a page of a grid."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "decisions": [
                        {"key": "0f8f", "proposal_id": 7, "lease_token": "mF9x", "answer": "yes"}
                    ]
                }
            ]
        },
    )
    decisions: list[GridDecision] = Field(min_length=1, max_length=MOST_LEASED)


class ItemProblem(BaseModel):
    """Why one answer of a page was not taken; the others were."""

    type: str = Field(examples=["urn:vetted:lease-lost"])
    title: str
    status: int
    detail: str


class GridResult(BaseModel):
    """What became of one answer: the decision, or why it was not taken."""

    key: str
    decision: DecisionOut | None
    problem: ItemProblem | None


class GridAnswer(BaseModel):
    """What became of each answer, in the order they were sent, and how far the round is."""

    results: list[GridResult]
    progress: Progress | None


class GridOut(BaseModel):
    """A category that may be labeled a page at a time."""

    category_id: int
    name: str
    open: int
    mostly: Mostly


class GoldOut(BaseModel):
    """How a labeler did on questions with a known answer; unsure counts for neither."""

    answered: int
    right: int


class SessionOut(BaseModel):
    """The caller's day. Decisions that were taken back do not count."""

    today: int = Field(description="Decisions since `since`")
    last_hour: int
    seconds_per_decision: float | None = Field(description="Median since `since`")
    gold: GoldOut | None = Field(description="Since `since`; null unless the lead shows it")


class UndoAnswer(BaseModel):
    """The undo, and the proposal that is open again, leased to the caller.

    Proposal and category are null when the undo is repeated after the proposal went to somebody
    else or was answered again.
    """

    decision: DecisionOut
    progress: Progress
    proposal: LeasedProposal | None
    category: LabelingCategory | None
    images: dict[str, ImageOut]


class PastDecision(BaseModel):
    """One of the caller's decisions in force."""

    decision: DecisionOut
    category_id: int
    category: str
    image: ImageOut
    undoable: bool = Field(description="False once its round is over, or somebody answered since")


class Released(BaseModel):
    """How many leases were given back."""

    released: int


# Quality


class RateOut(BaseModel):
    """A share with its 95 % interval."""

    share: float
    low: float
    high: float


class LabelerQualityOut(BaseModel):
    """How one labeler answered in a round; what was taken back does not count."""

    login: str
    name: str
    yes: int
    no: int
    unsure: int
    seconds_per_decision: float | None = Field(description="The median")
    gold: GoldOut
    gold_rate: RateOut | None = Field(description="The share of known answers that were right")
    agreed: float | None = Field(description="The share of others' answers that theirs equal")
    compared: int = Field(description="How many answers of others that is of")
    informed: float | None = Field(
        description="How far their answers depend on the truth, by Dawid and Skene's model: 1 "
        "always right, 0 chance"
    )
    suspect: bool = Field(description="Whether that is so little that one should look")


class PairOut(BaseModel):
    """Two labelers who answered the same questions."""

    first: str
    second: str
    questions: int
    kappa: float | None = Field(description="Cohen's kappa")


class AuditOut(BaseModel):
    """What asking again found about earlier answers of one kind."""

    earlier: int = Field(description="Earlier answers in the rounds that were sampled")
    asked: int
    wrong: int = Field(description="By a lead's word")
    pending: int = Field(description="Contradictions that wait for a lead")
    rate: RateOut | None = Field(description="The estimated share of wrong ones among all")


class QualityOut(BaseModel):
    """How well a project is labeled."""

    round: int | None
    labelers: list[LabelerQualityOut]
    questions: int = Field(description="Questions that several people answered")
    krippendorff_alpha: float | None
    fleiss_kappa: float | None
    pairs: list[PairOut]
    misses: AuditOut = Field(description="Refused pictures that are of the category after all")
    errors: AuditOut = Field(description="Accepted pictures that are not of the category")


class SaidOut(BaseModel):
    """Who said what."""

    name: str
    answer: Answer


class AdjudicationOut(BaseModel):
    """A question that waits for a lead."""

    proposal_id: int
    round: int
    category_id: int
    category: str
    image: ImageOut
    exemplars: list[ImageOut]
    earlier: Answer | None = Field(
        description="The answer of an earlier round that is contradicted, if that is why it waits"
    )
    said: list[SaidOut] = Field(description="The earlier answer first, if there is one")


class AdjudicationsOut(BaseModel):
    """The first of what waits for a lead, and how many wait."""

    waiting: int
    proposals: list[AdjudicationOut]


class NewAdjudication(Body):
    """A lead's word. Unsure leaves the picture, or the earlier answer, as it was."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"answer": "no"}]})
    answer: Answer


class AdjudicatedOut(BaseModel):
    """What was decided, and whether S and H change with the next dataset version."""

    decision: DecisionOut
    mended: bool


class AsideOut(BaseModel):
    """What setting a labeler's answers aside does."""

    decisions: int = Field(description="Answers that are taken back")
    reopened: int = Field(description="Proposals that are open again")
    changed: int = Field(description="Proposals that get the others' answer instead")
    kept: int = Field(description="Proposals whose answer stands: it is somebody else's")
    withdrawn: int = Field(description="Proposals that their picks made and that go")


# People


class PreferencesBody(Body):
    """What the caller chose for the pages."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"keys": {"yes": ["j"], "no": ["f"]}, "language": "de"}]},
    )
    keys: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Action to names of keys, where they differ from the page's",
    )
    language: Language | None = Field(default=None, description="Null follows the browser")
    break_minutes: int = Field(default=50, description="0 never suggests a break")
    grid_size: int = Field(default=24, description="Tiles of a page of a grid, 12 to 60")
