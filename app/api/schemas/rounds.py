"""Rounds and the work for them."""

from datetime import datetime

from pydantic import BaseModel, Field

from app.domain.job import JobKind, JobState
from app.domain.round import Policy, RoundState


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
