"""Projects, who belongs to them, and their categories."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain import round as rounds
from app.domain.access import Role
from app.domain.decision import Picked
from app.domain.redundancy import RedundancyFor

from .base import Table, created, one_of, row_id


class Project(Table):
    """One coarse category with its categories, pool, rounds and people."""

    __tablename__ = "project"
    __table_args__ = (
        one_of("policy", rounds.Policy),
        CheckConstraint("threshold >= 0 AND threshold < 1", name="threshold_range"),
        CheckConstraint("subsets >= 1", name="subsets_positive"),
        CheckConstraint(
            "domain_threshold >= 0 AND domain_threshold <= 1", name="domain_threshold_range"
        ),
        CheckConstraint("grid_above >= 0 AND grid_above <= 1", name="grid_above_range"),
        CheckConstraint("grid_below >= 0 AND grid_below <= 1", name="grid_below_range"),
        CheckConstraint("gold_share >= 0 AND gold_share <= 0.2", name="gold_share_range"),
        CheckConstraint("audit_share >= 0 AND audit_share <= 0.2", name="audit_share_range"),
        CheckConstraint("redundancy >= 1 AND redundancy <= 5", name="redundancy_range"),
        one_of("redundancy_for", RedundancyFor),
        CheckConstraint("test_percent >= 0 AND test_percent <= 50", name="test_percent_range"),
        CheckConstraint("most_tests >= 0 AND most_tests <= 100000", name="most_tests_range"),
        CheckConstraint("least_train >= 0 AND least_train <= 100000", name="least_train_range"),
        one_of("picked", Picked),
    )
    id: Mapped[int] = row_id()
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    policy: Mapped[str]
    subsets: Mapped[int]
    threshold: Mapped[float]
    # Candidates whose domain score is lower are filtered: kept, and not proposed.
    domain_threshold: Mapped[float] = mapped_column(server_default="0.5")
    # The newest example whose picture was compared with the pool.
    examples_screened: Mapped[int] = mapped_column(server_default="0")
    backbone: Mapped[str]
    weights: Mapped[str | None]
    image_size: Mapped[int]
    seed: Mapped[int]
    # A category may be labeled as a grid where its expected precision is at least / at most this.
    grid_above: Mapped[float | None] = mapped_column(server_default="0.9")
    grid_below: Mapped[float | None] = mapped_column(server_default="0.1")
    picked: Mapped[str] = mapped_column(server_default=Picked.ANOTHER.value)
    gold_share: Mapped[float] = mapped_column(server_default="0")
    # Earlier answers that a round asks again, for each question of its own.
    audit_share: Mapped[float] = mapped_column(server_default="0")
    # How many labelers answer a proposal, and whether that is for all or where the risk is high.
    redundancy: Mapped[int] = mapped_column(server_default="1")
    redundancy_for: Mapped[str] = mapped_column(server_default=RedundancyFor.ALL.value)
    show_gold: Mapped[bool] = mapped_column(server_default="false")
    show_confidence: Mapped[bool] = mapped_column(server_default="false")
    show_others: Mapped[bool] = mapped_column(server_default="false")
    # How pictures that come without a split are divided: `domain.split_rule`.
    test_percent: Mapped[int] = mapped_column(server_default="20")
    most_tests: Mapped[int] = mapped_column(server_default="20")
    least_train: Mapped[int] = mapped_column(server_default="5")
    created_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[datetime] = created()


class ProjectMember(Table):
    """A user's role in a project."""

    __tablename__ = "project_member"
    __table_args__ = (one_of("role", Role),)
    project_id: Mapped[int] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str]


class Category(Table):
    """One fine-grained class."""

    __tablename__ = "category"
    # Two requests that create one name at once: the second fails here. So does bringing back a
    # retired category whose name another has by now.
    __table_args__ = (
        Index(
            "uq_category_project_id_name",
            "project_id",
            text("lower(name)"),
            unique=True,
            postgresql_where=text("retired_at IS NULL"),
        ),
    )
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str]
    scientific_name: Mapped[str] = mapped_column(server_default="")
    definition: Mapped[str] = mapped_column(server_default="")
    # Retired, merged into another or split up: neither asked about nor learned any more.
    retired_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = created()


class LookAlike(Table):
    """A category that is easily taken for another."""

    __tablename__ = "look_alike"
    category_id: Mapped[int] = mapped_column(
        ForeignKey("category.id", ondelete="CASCADE"), primary_key=True
    )
    other_id: Mapped[int] = mapped_column(
        ForeignKey("category.id", ondelete="CASCADE"), primary_key=True, index=True
    )
