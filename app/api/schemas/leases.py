"""The questions that a labeler is given."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.domain.decision import Answer, Reason, Stage
from app.domain.grid import Mostly
from app.domain.lease import MOST_LEASED

from .body import Body
from .images import ImageOut

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
        description="Examples of the category: the nearest of each of its modes, then the others; "
        "those that a lead chose by hand, where there are any"
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


class Released(BaseModel):
    """How many leases were given back."""

    released: int
