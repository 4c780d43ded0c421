"""Images, where they came from, and their features."""

from datetime import datetime

from sqlalchemy import (
    REAL,
    ForeignKey,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.batch import Standing

from .base import Table, created, one_of, row_id


class Image(Table):
    """A picture known by the SHA-256 of its bytes."""

    __tablename__ = "image"
    # Two uploads of the same bytes at once: one inserts, the other finds a duplicate.
    __table_args__ = (
        UniqueConstraint("project_id", "sha256"),
        # Few: what leaves them out looks here.
        Index(
            "ix_image_taken_down",
            "project_id",
            postgresql_include=["id"],
            postgresql_where=text("taken_down_at IS NOT NULL"),
        ),
    )
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    sha256: Mapped[str]
    format: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    created_at: Mapped[datetime] = created()
    # The row stays, because frozen versions and decisions refer to it; its bytes are gone.
    taken_down_at: Mapped[datetime | None]


class Source(Table):
    """Where an image came from; one image may have several."""

    __tablename__ = "source"
    # A retried upload says the same thing again: it is kept once.
    __table_args__ = (
        UniqueConstraint(
            "image_id", "url", "author", "licence", postgresql_nulls_not_distinct=True
        ),
        # All pictures from one address, for takedowns.
        Index("ix_source_url", "url", postgresql_using="hash"),
    )
    id: Mapped[int] = row_id()
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"))
    url: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(server_default="{}")
    author: Mapped[str | None]
    licence: Mapped[str | None]
    crawled_at: Mapped[datetime | None]
    received_at: Mapped[datetime] = created()


class Candidate(Table):
    """An image in the pool. The row goes when the image becomes an example."""

    __tablename__ = "candidate"
    __table_args__ = (
        Index(
            "ix_candidate_unscored",
            "project_id",
            "bucket",
            postgresql_where=text("last_round IS NULL"),
        ),
        Index("ix_candidate_project_id_image_id", "project_id", "image_id"),
        one_of("standing", Standing),
        Index(
            "ix_candidate_new",
            "project_id",
            "image_id",
            postgresql_where=text("standing = 'new'"),
        ),
        # What a threshold keeps is counted from it alone, and what lies around one is found by it.
        Index(
            "ix_candidate_domain_score",
            "project_id",
            "domain_score",
            postgresql_where=text("standing = 'open'"),
            postgresql_include=["filter_id"],
        ),
    )
    image_id: Mapped[int] = mapped_column(
        ForeignKey("image.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    bucket: Mapped[int]
    last_round: Mapped[int | None]
    standing: Mapped[str] = mapped_column(server_default=Standing.NEW.value)
    # The coarse filter's probability that the image is in the domain; null where none has scored it.
    domain_score: Mapped[float | None] = mapped_column(REAL)
    # Which filter that was. No foreign key: it would be looked up for each row of a large pool.
    filter_id: Mapped[int | None]


class FeatureShard(Table):
    """A stored block of pooled backbone features."""

    __tablename__ = "feature_shard"
    id: Mapped[int] = row_id()
    fingerprint: Mapped[str]
    blob_key: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = created()


class Feature(Table):
    """Where the features of one picture under one backbone are."""

    __tablename__ = "feature"
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    shard_id: Mapped[int] = mapped_column(ForeignKey("feature_shard.id"), index=True)
    row: Mapped[int]
