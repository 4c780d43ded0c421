"""How categories changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.category_change import Kind

from .base import Table, created, one_of, row_id


class CategoryChange(Table):
    """A category was renamed, merged, split or retired. What that did to S and H is in versions."""

    __tablename__ = "category_change"
    __table_args__ = (
        one_of("kind", Kind),
        Index("ix_category_change_project_id_id", "project_id", "id"),
    )
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    kind: Mapped[str]
    # A category that was never used may be deleted, and with it that it was renamed.
    category_id: Mapped[int] = mapped_column(
        ForeignKey("category.id", ondelete="CASCADE"), index=True
    )
    into_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"), index=True)
    # The new categories of a split, and whether the old one is still one.
    parts: Mapped[list[int]] = mapped_column(server_default="{}")
    stays: Mapped[bool] = mapped_column(server_default="false")
    # The names before and after, and the effect.
    details: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    # The dataset version before the change and the one that has it in it: the same if no member
    # changed; 0 before anything was frozen.
    before_version: Mapped[int]
    version: Mapped[int]
    made_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[datetime] = created()
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    undone_at: Mapped[datetime | None]
    undone_version: Mapped[int | None]
