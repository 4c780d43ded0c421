"""Coarse filters, and the pictures that they learn the rest of the world from."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.filtering import FilterOrigin, NegativeOrigin

from .base import Table, created, one_of, row_id


class CoarseFilter(Table):
    """A filter of a project's pool. The newest that is ready is in force.

    One that is not ready was asked for: a worker will train it, or look whether the uploaded file
    fits the project's backbone.
    """

    __tablename__ = "coarse_filter"
    __table_args__ = (
        one_of("origin", FilterOrigin),
        Index("ix_coarse_filter_project_id_id", "project_id", "id"),
    )
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    origin: Mapped[str]
    # The file, once it is there, and the SHA-256 of its bytes.
    blob_key: Mapped[str | None]
    sha256: Mapped[str | None]
    fingerprint: Mapped[str | None]
    # What `models.coarse_filter.Facts` tells.
    facts: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[datetime] = created()
    ready_at: Mapped[datetime | None]


class Negative(Table):
    """A picture out of the project's domain. It is neither a candidate nor an example.

    `from_pool` says that it was a candidate, and is one again when a lead takes it back.
    """

    __tablename__ = "negative"
    __table_args__ = (
        one_of("origin", NegativeOrigin),
        Index("ix_negative_project_id_image_id", "project_id", "image_id"),
    )
    image_id: Mapped[int] = mapped_column(
        ForeignKey("image.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    origin: Mapped[str]
    from_pool: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = created()
