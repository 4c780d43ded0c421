"""Batches of pictures that came together."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.domain.batch import BatchKind, BatchState, Members, Moving

from .body import Body


class NewBatch(Body):
    """An upload that shall be reported, and may be withdrawn, as a whole."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "alps, week 12"}]}
    )
    name: str = Field(description="What people read in the list of batches")


class LeftOut(BaseModel):
    """What has left with a batch so far; `moving` is null when that is all."""

    candidates: int
    examples: int = Field(description="With `members` set to `end`")
    hard_negatives: int = Field(description="The same")


class BatchOut(BaseModel):
    """What came together, and what became of each file."""

    id: int
    kind: BatchKind
    name: str
    login: str = Field(description="Who sent it, or had it fetched")
    state: BatchState
    withdrawn_at: datetime | None
    moving: Moving | None = Field(
        description="While its pictures leave the pool or come back; no round begins until then"
    )
    left: LeftOut | None = Field(description="Of a batch that is withdrawn")
    total: int | None = Field(description="Files in all, where a worker knows")
    done: int = Field(description="Files that a worker is done with")
    received: int = Field(description="Files that came: the sum of the next three")
    stored: int
    duplicate: int
    rejected: int
    reasons: dict[str, int] = Field(description="How many files were rejected, by reason")
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class StandingsOut(BaseModel):
    """How many candidates stand where, counted now."""

    open: int = Field(description="A round may propose them")
    new: int = Field(description="Not screened yet")
    near_duplicate: int = Field(description="Another image speaks for them")
    quarantined: int = Field(description="Nearly a picture of the frozen test split")
    filtered: int = Field(description="Below the project's domain threshold; back when it moves")


class BatchReport(BatchOut):
    """A batch, and where its pictures stand now, those among them that were there before it."""

    pool: StandingsOut
    examples: int = Field(description="Pictures that are examples of the dataset by now")
    negatives: int = Field(
        description="Pictures that the coarse filter learns from as out of domain"
    )


class BatchPage(BaseModel):
    """Batches, the newest first."""

    batches: list[BatchOut]
    next: int | None = Field(description="Ask with `before` for those that follow")


class BatchRefusalOut(BaseModel):
    """A file that was rejected, and why."""

    filename: str
    reason: str = Field(examples=["truncated"])
    detail: str | None = Field(description="What is wrong with the picture")


class RefusalPage(BaseModel):
    """Rejected files in the order they came; the first 1,000 of a batch are kept by name."""

    refusals: list[BatchRefusalOut]
    next: int | None = Field(description="Ask with `after` for those that follow")


class WithdrawalIn(Body):
    """What shall become of pictures that experts have answered about."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"members": "keep"}]})
    members: Members = Field(
        default=Members.KEEP,
        description="`keep`: they stay in the dataset; `end`: they leave it with a new version",
    )


class WithdrawalOut(BaseModel):
    """What withdrawing a batch does."""

    pictures: int = Field(description="Pictures of the batch")
    stay: int = Field(description="Those that another batch brought, too, or a lead by seeding")
    leave: int = Field(description="Candidates that leave the pool")
    examples: int = Field(description="Examples that experts made of the others")
    hard_negatives: int = Field(description="Hard negatives that experts made of them")


class WithdrawalAnswer(BaseModel):
    """What a worker begins to do, or, with `dry_run`, what it would do."""

    batch: BatchOut
    effect: WithdrawalOut | None = Field(description="With `dry_run`; else see `left` of the batch")
    round: int | None = Field(description="The round at work; until it is over, this is refused")
