"""What images are looked up by, and candidates that show what the test split shows."""

from datetime import datetime

from sqlalchemy import (
    REAL,
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.orm import Mapped, mapped_column

from .base import Table, created, row_id

CODE_BITS = 256
"""Of `models.neighbourhood`, which this module must not import."""


class Neighbourhood(Table):
    """How the features of a project's images are coded, for one backbone: a file in the blobs.

    It begins with one landmark, so that every image is compared with all others. Once there are
    enough images it is made anew with many, and each image is looked for near a few of them.
    """

    __tablename__ = "neighbourhood"
    __table_args__ = (UniqueConstraint("project_id", "fingerprint"),)
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    fingerprint: Mapped[str]
    landmarks: Mapped[int]
    blob_key: Mapped[str]


class Likeness(Table):
    """What a screened image, a candidate or an example, is found by: its hash, its code, its plane.

    The hash has 64 bits, of which four bands are indexed; the code stands for the features of the
    backbone; the plane is a grey square of 16 x 16 bytes. docs/decisions/near-duplicates.md.
    """

    __tablename__ = "likeness"
    __table_args__ = (
        *(
            Index(
                f"ix_likeness_band_{band}",
                "project_id",
                text(f"((hash >> {16 * band}) & 65535)"),
            )
            for band in range(4)
        ),
        Index(
            "ix_likeness_neighbourhood_id_cell",
            "neighbourhood_id",
            "cell",
            postgresql_include=["image_id", "code"],
        ),
    )
    image_id: Mapped[int] = mapped_column(
        ForeignKey("image.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    neighbourhood_id: Mapped[int] = mapped_column(ForeignKey("neighbourhood.id"))
    cell: Mapped[int]
    code: Mapped[str] = mapped_column(BIT(CODE_BITS))
    hash: Mapped[int] = mapped_column(BigInteger)
    plane: Mapped[bytes] = mapped_column(LargeBinary)


class Leak(Table):
    """A candidate that nearly is a picture of the test split: quarantined before anybody sees it.

    `released_at` is when a lead said that it is another photograph after all; the row stays, so that
    nobody finds the pair again.
    """

    __tablename__ = "leak"
    __table_args__ = (
        Index("ix_leak_project_id_image_id", "project_id", "image_id"),
        Index("ix_leak_test_image_id", "test_image_id"),
    )
    image_id: Mapped[int] = mapped_column(
        ForeignKey("image.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    test_image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"))
    # Bits in which the perceptual hashes differ, and the cosine of the embeddings.
    hash_distance: Mapped[int]
    similarity: Mapped[float] = mapped_column(REAL)
    found_at: Mapped[datetime] = created()
    released_at: Mapped[datetime | None]
    released_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
