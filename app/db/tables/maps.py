"""Maps of rounds."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from .base import Table, created


class RoundMap(Table):
    """The points of a round's map, in blobs that are named by their content.

    `domain.embedding_map` says how they are stored. Answers that came after it was drawn are not
    in it: they are read from the proposals.
    """

    __tablename__ = "round_map"
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    points_hash: Mapped[str]
    images_hash: Mapped[str]
    points: Mapped[int]
    # Pictures of each kind that there are; of too many a sample is drawn.
    training: Mapped[int]
    rejected: Mapped[int]
    proposed: Mapped[int]
    others: Mapped[int]
    # The categories by their index in the points.
    category_ids: Mapped[list[int]]
    # The share of the variance along the axes of the PCA.
    variance_x: Mapped[float]
    variance_y: Mapped[float]
    created_at: Mapped[datetime] = created()
