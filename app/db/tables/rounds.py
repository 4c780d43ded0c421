"""Rounds, the models that they train, and what they cost."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain import round as rounds
from app.domain.redundancy import RedundancyFor

from .base import Table, created, one_of, row_id


class Round(Table):
    """One iteration of the loop. The project's settings are copied, so that it can be understood later."""

    __tablename__ = "round"
    __table_args__ = (
        one_of("state", rounds.RoundState),
        UniqueConstraint("project_id", "number"),
        # Two leads press "start" at once: the second insert fails here.
        Index(
            "uq_round_unfinished",
            "project_id",
            unique=True,
            postgresql_where=text("state IN ('embedding', 'training', 'scoring', 'labeling')"),
        ),
    )
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    number: Mapped[int]
    state: Mapped[str]
    policy: Mapped[str]
    threshold: Mapped[float]
    backbone: Mapped[str]
    weights: Mapped[str | None]
    image_size: Mapped[int]
    seed: Mapped[int]
    buckets: Mapped[int]
    trained_on: Mapped[int]
    gold_share: Mapped[float] = mapped_column(server_default="0")
    audit_share: Mapped[float] = mapped_column(server_default="0")
    redundancy: Mapped[int] = mapped_column(server_default="1")
    redundancy_for: Mapped[str] = mapped_column(server_default=RedundancyFor.ALL.value)
    started_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    started_at: Mapped[datetime] = created()
    labeling_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    candidates: Mapped[int | None]
    # The model's questions; `gold` counts those with a known answer that were mixed in among them.
    proposals: Mapped[int | None]
    gold: Mapped[int] = mapped_column(server_default="0")
    withheld: Mapped[int | None]
    # What was scored, in a blob of image ids; the hash is over the content hashes in that order.
    candidates_key: Mapped[str | None]
    candidates_hash: Mapped[str | None]
    # Images that were seeded between scoring and publishing: nobody was asked about them.
    dropped: Mapped[list[int]] = mapped_column(server_default="{}")
    # The number of the dataset version that held when the round was closed.
    made_version: Mapped[int | None]
    error: Mapped[str | None]


class ModelVersion(Table):
    """What a round trained."""

    __tablename__ = "model_version"
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("model_version.id"))
    blob_key: Mapped[str]
    # Of the stored bytes: equal models have equal bytes.
    sha256: Mapped[str | None]
    fingerprint: Mapped[str]
    config: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = created()


class Confusion(Table):
    """Test pictures of a category that a model version took for one: for another, or rightly for it.

    Pairs without a picture have no row: there are at most as many rows as test pictures.
    """

    __tablename__ = "confusion"
    __table_args__ = (Index("ix_confusion_model_id_taken_for_id", "model_id", "taken_for_id"),)
    model_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"), primary_key=True)
    taken_for_id: Mapped[int] = mapped_column(ForeignKey("category.id"), primary_key=True)
    pictures: Mapped[int]


class Exemplar(Table):
    """An example shown beside the proposals of a round, nearest to an anchor of its category.

    With `by_hand`, one that a lead had chosen when the round trained: the round asks about neither.
    """

    __tablename__ = "exemplar"
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"), primary_key=True)
    by_hand: Mapped[bool] = mapped_column(primary_key=True, server_default="false")
    position: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))


class ChosenExemplar(Table):
    """An exemplar that a lead chose by hand: shown instead of a round's, while it is an example."""

    __tablename__ = "chosen_exemplar"
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), index=True)


class RoundCategory(Table):
    """What a round asks about one category."""

    __tablename__ = "round_category"
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"), primary_key=True)
    proposals: Mapped[int]
    expected_precision: Mapped[float]


class RoundQuality(Table):
    """How well a round is labeled, counted by a worker: for a page there are too many answers."""

    __tablename__ = "round_quality"
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    # Something changed that the number of answers does not show: the figures are counted anew.
    outdated: Mapped[bool] = mapped_column(server_default="false")
    # Whoever counts takes the next attempt and has until then; only the newest one is kept.
    attempt: Mapped[int] = mapped_column(server_default="0")
    claimed_until: Mapped[datetime | None]
    # When the figures were counted, and the answers in force by then.
    counted_at: Mapped[datetime | None]
    answers: Mapped[int] = mapped_column(server_default="0")
    figures: Mapped[dict[str, Any] | None]


class RoundEffort(Table):
    """What people gave for a round, measured when it closed; `domain.cost` says what is counted."""

    __tablename__ = "round_effort"
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    decisions: Mapped[int]
    timed: Mapped[int]
    seconds: Mapped[float]
    median_seconds: Mapped[float | None]
