"""S and H, and the versions that freeze them."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.dataset import Cause, Split

from .base import Table, created, one_of, row_id


class Example(Table):
    """An image's membership in the dataset, from one dataset version to another."""

    __tablename__ = "example"
    __table_args__ = (
        one_of("split", Split),
        # One picture seeded under two categories at once: the second insert fails here.
        Index(
            "uq_example_image_id",
            "image_id",
            unique=True,
            postgresql_where=text("to_version IS NULL"),
        ),
        Index("ix_example_project_id_category_id", "project_id", "category_id", "split"),
        # What differs between two versions: the rows that begin or end between them.
        Index(
            "ix_example_project_id_from_version",
            "project_id",
            "from_version",
            postgresql_include=["image_id", "category_id", "split", "to_version"],
        ),
        Index(
            "ix_example_project_id_to_version",
            "project_id",
            "to_version",
            postgresql_where=text("to_version IS NOT NULL"),
        ),
        # In which versions a picture was that is gone.
        Index(
            "ix_example_image_id_ended", "image_id", postgresql_where=text("to_version IS NOT NULL")
        ),
    )
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    split: Mapped[str]
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id"))
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"))
    # The image that this is a near-duplicate of, where its membership holds for this one, too.
    inherited_from: Mapped[int | None] = mapped_column(ForeignKey("image.id"))
    from_version: Mapped[int]
    to_version: Mapped[int | None]
    created_at: Mapped[datetime] = created()


class HardNegative(Table):
    """An image and the category that it is not."""

    __tablename__ = "hard_negative"
    __table_args__ = (
        Index(
            "uq_hard_negative_image_id_category_id",
            "image_id",
            "category_id",
            unique=True,
            postgresql_where=text("to_version IS NULL"),
        ),
        Index("ix_hard_negative_project_id_category_id", "project_id", "category_id"),
        Index(
            "ix_hard_negative_project_id_from_version",
            "project_id",
            "from_version",
            postgresql_include=["image_id", "category_id", "to_version"],
        ),
        Index(
            "ix_hard_negative_project_id_to_version",
            "project_id",
            "to_version",
            postgresql_where=text("to_version IS NOT NULL"),
        ),
        # In which versions a picture was that is gone.
        Index(
            "ix_hard_negative_image_id_ended",
            "image_id",
            postgresql_where=text("to_version IS NOT NULL"),
        ),
    )
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"))
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"))
    # The image that this is a near-duplicate of, where its membership holds for this one, too.
    inherited_from: Mapped[int | None] = mapped_column(ForeignKey("image.id"))
    from_version: Mapped[int]
    to_version: Mapped[int | None]
    created_at: Mapped[datetime] = created()


class DatasetVersion(Table):
    """A frozen manifest of S and H."""

    __tablename__ = "dataset_version"
    __table_args__ = (UniqueConstraint("project_id", "number"), one_of("cause", Cause))
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    number: Mapped[int]
    cause: Mapped[str]
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id"))
    content_hash: Mapped[str]
    # The number of the version that this one brought back.
    restores: Mapped[int | None]
    examples: Mapped[int]
    hard_negatives: Mapped[int]
    # What the version held and where it was from, counted when it was frozen; None for versions
    # from before that. Read alone, as it is long.
    datasheet: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True), deferred=True
    )
    created_at: Mapped[datetime] = created()


class VersionCategory(Table):
    """A category under the name that a dataset version was frozen with: the content hash is over it.

    Renaming the category later must not change what the version is exported as.
    """

    __tablename__ = "version_category"
    version_id: Mapped[int] = mapped_column(
        ForeignKey("dataset_version.id", ondelete="CASCADE"), primary_key=True
    )
    category_id: Mapped[int] = mapped_column(
        ForeignKey("category.id"), primary_key=True, index=True
    )
    name: Mapped[str]
    scientific_name: Mapped[str]
