"""How good labels and labelers are."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.domain.decision import Answer, Reason

from .body import Body
from .decisions import DecisionOut, GoldOut
from .images import ImageOut
from .leases import CategoryName, ContrastOut, LabelingCategory


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
    modelled: int = Field(
        description="How many of their answers the estimates are from: to questions that others "
        "answered too, or whose answer is known"
    )
    accuracy: float | None = Field(
        description="The estimated share of their answers that is right, by Dawid and Skene's model"
    )
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
    counted_at: datetime | None = Field(description="Null before the first count of the round")
    answers: int = Field(description="How many were counted")
    labelers: list[LabelerQualityOut]
    questions: int = Field(description="Questions that several people answered")
    krippendorff_alpha: float | None
    fleiss_kappa: float | None
    pairs: list[PairOut] = Field(description="Who met most often first, 200 at most")
    misses: AuditOut = Field(description="Refused pictures that are of the category after all")
    errors: AuditOut = Field(description="Accepted pictures that are not of the category")


class SaidOut(BaseModel):
    """Who said what, and why."""

    name: str
    answer: Answer
    reason: Reason | None
    picked: CategoryName | None = Field(description="The category that they picked instead")


class AdjudicationOut(BaseModel):
    """A question that waits for a lead, and what stands beside it."""

    proposal_id: int
    round: int
    category_id: int
    image: str = Field(description="The picture's content hash; see `images`")
    contrast: ContrastOut
    earlier: Answer | None = Field(
        description="The answer of an earlier round that is contradicted, if that is why it waits"
    )
    said: list[SaidOut] = Field(description="The earlier answer first, if there is one")


class AdjudicationsOut(BaseModel):
    """The first of what waits for a lead, and how many wait."""

    waiting: int
    proposals: list[AdjudicationOut]
    categories: list[LabelingCategory] = Field(description="The categories of `proposals`")
    images: dict[str, ImageOut] = Field(
        description="Every image that proposals and categories refer to, by content hash"
    )


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
    examples: int = Field(
        description="Answers yes that count no more: examples less when the round closes"
    )
    hard_negatives: int = Field(description="Answers no that count no more: hard negatives less")
