"""The coarse filter: its scores, its threshold, its negatives."""

from datetime import datetime

from pydantic import BaseModel, Field

from app.domain.filtering import BINS, HIGHEST, FilterOrigin, NegativeOrigin

from .body import Body
from .images import ImageOut
from .rounds import JobOut

_BINS = f"Counted in {BINS} bins of equal width from 0 to 1"


class CoarseFilterOut(BaseModel):
    """A trained filter and how well it does on pictures that it has not seen."""

    id: int
    origin: FilterOrigin
    sha256: str = Field(description="Of its file")
    fingerprint: str = Field(description="Of the backbone whose features it reads")
    positives: int
    negatives: int
    auc: float = Field(description="Area under the ROC curve, cross-validated")
    positive_bins: list[int] = Field(
        description=f"Cross-validated scores of the positives. {_BINS}"
    )
    negative_bins: list[int] = Field(description="The same of the negatives")
    ready_at: datetime


class FilterOut(BaseModel):
    """Where the coarse filter of a project stands."""

    threshold: float = Field(description="Candidates with a lower domain score are not proposed")
    bins: list[int] = Field(description=f"Domain scores of open candidates. {_BINS}")
    unscored: int = Field(description="Open candidates without a score: they pass")
    stale: int = Field(description="Of `bins`, those that an older filter scored")
    kept: int
    filtered: int
    positives: int = Field(description="Examples of the train split now")
    negatives: dict[NegativeOrigin, int]
    filter: CoarseFilterOut | None
    job: JobOut | None = Field(description="The newest work on a filter")


class ThresholdIn(Body):
    """A new threshold."""

    threshold: float = Field(ge=0, le=HIGHEST, description="In hundredths", examples=[0.35])


class ThresholdOut(BaseModel):
    """The threshold before and after."""

    before: float
    after: float


class ScoredImage(ImageOut):
    """A candidate and its domain score."""

    score: float


class AroundOut(BaseModel):
    """Candidates just above and just below a threshold, those nearest to it first."""

    threshold: float
    above: list[ScoredImage]
    below: list[ScoredImage]


class MarkIn(Body):
    """A candidate that is out of the domain."""

    sha256: str


class NegativeOut(ImageOut):
    """A picture out of the domain."""

    origin: NegativeOrigin


class NegativePage(BaseModel):
    """Negatives, the newest first."""

    negatives: list[NegativeOut]
    next: int | None = Field(description="Give it as `before` for the next page")
