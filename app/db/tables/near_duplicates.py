"""Groups of images that show the same photograph."""

from datetime import datetime

from sqlalchemy import REAL, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from .base import Table, created


class NearDuplicate(Table):
    """An image of the same photograph as another, which speaks for it: the representative.

    Groups are stars: a representative is in no other group. `detached_at` is when a lead said that
    it is another photograph after all; the row stays, so that nobody finds the pair again.
    """

    __tablename__ = "near_duplicate"
    __table_args__ = (
        CheckConstraint("image_id <> representative_id", name="two_images"),
        Index("ix_near_duplicate_project_id_representative_id", "project_id", "representative_id"),
        Index("ix_near_duplicate_representative_id", "representative_id"),
    )
    image_id: Mapped[int] = mapped_column(
        ForeignKey("image.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    representative_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"))
    # Bits in which the perceptual hashes differ, and the cosine of the embeddings.
    hash_distance: Mapped[int]
    similarity: Mapped[float] = mapped_column(REAL)
    found_at: Mapped[datetime] = created()
    detached_at: Mapped[datetime | None]
    detached_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
