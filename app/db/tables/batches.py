"""Batches of pictures that came together, and what became of each."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.batch import BatchKind, BatchState, Moving
from app.domain.ingestion import ImageOutcome

from .base import Table, created, one_of, row_id


class Batch(Table):
    """Pictures that came together on one way in.

    `received` is the sum of `stored`, `duplicate` and `rejected`; `reasons` counts the rejected by
    reason. `done` of `total` tells how far a worker is; an upload has neither.
    """

    __tablename__ = "batch"
    __table_args__ = (
        one_of("kind", BatchKind),
        one_of("state", BatchState),
        one_of("moving", Moving),
        # Uploads that name no batch: two first ones of a day at once make one batch.
        UniqueConstraint("project_id", "user_id", "token_id", "day"),
        Index("ix_batch_project_id_id", "project_id", "id"),
        Index("ix_batch_kept", "state", postgresql_where=text("blob_key IS NOT NULL")),
    )
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    # 0 for a browser's session.
    token_id: Mapped[int] = mapped_column(server_default="0")
    day: Mapped[date | None]
    kind: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    withdrawn_at: Mapped[datetime | None]
    # While a worker carries out that it is withdrawn, or is no longer.
    moving: Mapped[str | None]
    # What was asked for (`members`), and how many candidates, examples and hard negatives have left.
    withdrawal: Mapped[dict[str, Any] | None]
    # The dataset version in which its members ended with it, if any did.
    withdrawn_version: Mapped[int | None]
    # What holds for pictures that say nothing themselves.
    source: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    # What a worker reads: the archive or the list that was sent, or where to look.
    blob_key: Mapped[str | None]
    location: Mapped[str | None]
    total: Mapped[int | None] = mapped_column(BigInteger)
    done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    received: Mapped[int] = mapped_column(BigInteger, server_default="0")
    stored: Mapped[int] = mapped_column(BigInteger, server_default="0")
    duplicate: Mapped[int] = mapped_column(BigInteger, server_default="0")
    rejected: Mapped[int] = mapped_column(BigInteger, server_default="0")
    reasons: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    error: Mapped[str | None]
    created_at: Mapped[datetime] = created()
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class BatchImage(Table):
    """An image that a batch brought: `stored` where it was new to the project."""

    __tablename__ = "batch_image"
    __table_args__ = (one_of("outcome", (ImageOutcome.STORED, ImageOutcome.DUPLICATE)),)
    batch_id: Mapped[int] = mapped_column(
        ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True
    )
    image_id: Mapped[int] = mapped_column(
        ForeignKey("image.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    outcome: Mapped[str]


class BatchRefusal(Table):
    """A file that a batch rejected, and why; the first MOST_TOLD of each batch."""

    __tablename__ = "batch_refusal"
    id: Mapped[int] = row_id()
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id", ondelete="CASCADE"), index=True)
    filename: Mapped[str]
    reason: Mapped[str]
    detail: Mapped[str | None]


class WithdrawnImage(Table):
    """An image that left the pool with its batch. It is no candidate until it comes back, or again.

    `to_pool`: whether it is one then, unless it is an example: not where it was neither before.
    `last_round` is what the candidate had.
    """

    __tablename__ = "withdrawn_image"
    image_id: Mapped[int] = mapped_column(
        ForeignKey("image.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id", ondelete="CASCADE"), index=True)
    to_pool: Mapped[bool]
    last_round: Mapped[int | None]
