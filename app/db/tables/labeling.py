"""Questions and answers."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.decision import Answer, Reason, Stage

from .base import Table, created, one_of, row_id

_OPEN = text("answer IS NULL")


class Proposal(Table):
    """The binary question: is this image a <category>?"""

    __tablename__ = "proposal"
    __table_args__ = (
        # A scoring job that is delivered twice, or two labelers who pick one category for one
        # image at once, cannot ask a question twice.
        UniqueConstraint("round_id", "image_id", "category_id"),
        one_of("stage", Stage),
        CheckConstraint("gold IN ('yes', 'no')", name="gold_known"),
        Index("ix_proposal_open", "round_id", "position", postgresql_where=_OPEN),
        # What waits for a second labeler or the lead: few rows, leased before the many others.
        Index(
            "ix_proposal_waiting",
            "round_id",
            "stage",
            "position",
            postgresql_where=text("answer IS NULL AND stage <> 'first'"),
        ),
        # A page of a grid: the open proposals of one category.
        Index(
            "ix_proposal_grid",
            "round_id",
            "category_id",
            "position",
            postgresql_where=text("answer IS NULL AND stage = 'first'"),
        ),
        # With what is counted of a category: a lead's page reads no proposal for it.
        Index(
            "ix_proposal_answer",
            "round_id",
            "category_id",
            "answer",
            postgresql_include=["gold"],
        ),
        Index("ix_proposal_image_id", "image_id"),
        # What waits for a lead because it contradicts an earlier answer.
        Index(
            "ix_proposal_contradicts",
            "round_id",
            "position",
            postgresql_where=text("audits IS NOT NULL AND answer <> gold AND NOT adjudicated"),
        ),
        Index("ix_proposal_audits", "audits", postgresql_where=text("audits IS NOT NULL")),
        Index(
            "ix_proposal_lease",
            "lease_user_id",
            "lease_client",
            postgresql_where=_OPEN,
        ),
    )
    id: Mapped[int] = row_id()
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    # None for a category that a labeler picked: the model did not propose it.
    confidence: Mapped[float | None]
    position: Mapped[int]
    # The known answer; None for a question that nobody knows the answer to.
    gold: Mapped[str | None]
    # The decision that this question asks about again, without changing it; `gold` says what it was.
    audits: Mapped[int | None] = mapped_column(ForeignKey("decision.id", use_alter=True))
    # Whether a lead has decided who was right, where the two answers differ.
    adjudicated: Mapped[bool] = mapped_column(server_default="false")
    # How many people are to answer yes or no before the majority is the answer.
    wanted: Mapped[int] = mapped_column(server_default="1")
    # The answer in force, or "withdrawn"; None while the question is open. `decision` holds the
    # history, and `decisions` counts its rows: the newest has that ordinal.
    answer: Mapped[str | None]
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    decisions: Mapped[int] = mapped_column(server_default="0")
    # The ordinal of the decision that gave the answer, where that is not the newest.
    in_force: Mapped[int | None]
    stage: Mapped[str] = mapped_column(server_default=Stage.FIRST.value)
    # Who picked this category, and who is not to be asked: the picker, then those who answered
    # without settling it.
    picked_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    barred: Mapped[list[int]] = mapped_column(server_default="{}")
    lease_token: Mapped[str | None]
    lease_user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    lease_client: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]


class Contrast(Table):
    """What stands beside one proposal, by ids, the nearest first. Computed when it is published."""

    __tablename__ = "contrast"
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), primary_key=True)
    exemplars: Mapped[list[int]]
    confusable_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))
    confusable_exemplars: Mapped[list[int]]
    rejected: Mapped[list[int]]
    likely: Mapped[list[int]]


class Tally(Table):
    """One user's share of a round's counts, so that progress need not count proposals.

    Each decision changes its user's row, and rarely those of users who wait for it: no row is
    written by all. `domain.tally` says what each column counts.
    """

    __tablename__ = "tally"
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    yes: Mapped[int] = mapped_column(server_default="0")
    no: Mapped[int] = mapped_column(server_default="0")
    unsure: Mapped[int] = mapped_column(server_default="0")
    gold: Mapped[int] = mapped_column(server_default="0")
    passed: Mapped[int] = mapped_column(server_default="0")
    picked: Mapped[int] = mapped_column(server_default="0")
    to_lead: Mapped[int] = mapped_column(server_default="0")
    barred: Mapped[int] = mapped_column(server_default="0")
    barred_at_lead: Mapped[int] = mapped_column(server_default="0")


class Decision(Table):
    """One labeler's answer to one proposal. Rows are only ever added; an undo is another row."""

    __tablename__ = "decision"
    __table_args__ = (
        one_of("answer", Answer),
        one_of("reason", Reason),
        one_of("stage", Stage),
        # A request that is sent twice (a retry, a held key): the second finds the first.
        UniqueConstraint("user_id", "idempotency_key"),
        # Two answers to one proposal at once: both would be its n-th row, and one fails here.
        UniqueConstraint("proposal_id", "ordinal"),
        Index("ix_decision_user_id_created_at", "user_id", "created_at"),
        # What labelers saw where a category was refused: few decisions name one.
        Index(
            "ix_decision_picked_category_id",
            "picked_category_id",
            postgresql_where=text("picked_category_id IS NOT NULL"),
        ),
    )
    id: Mapped[int] = row_id()
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    answer: Mapped[str]
    ordinal: Mapped[int]
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"), unique=True)
    # Why a no, if the labeler said so, with the category that they picked instead and the
    # proposal that this made (none if that was asked already).
    reason: Mapped[str | None]
    picked_category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))
    picked_id: Mapped[int | None] = mapped_column(ForeignKey("proposal.id"))
    # Where the proposal stood when it was answered: an undo puts it back there.
    stage: Mapped[str] = mapped_column(server_default=Stage.FIRST.value)
    idempotency_key: Mapped[str]
    seconds: Mapped[float | None]
    created_at: Mapped[datetime] = created()
