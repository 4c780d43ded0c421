"""The answers that a labeler gives."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.domain.decision import Answer, Reason
from app.domain.grid import Mostly
from app.domain.lease import MOST_LEASED

from .body import Body
from .images import ImageOut
from .leases import CategoryName, LabelingCategory, LeasedProposal, Progress


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
