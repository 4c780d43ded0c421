"""What was taken down, and what keeps it from coming back."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.takedown import Kind

from .base import Table, created, one_of, row_id


class Takedown(Table):
    """A picture, or all from one address, was taken down: in a project, or on the whole server."""

    __tablename__ = "takedown"
    __table_args__ = (
        one_of("kind", Kind),
        Index("ix_takedown_project_id_id", "project_id", "id"),
    )
    id: Mapped[int] = row_id()
    # None is all projects.
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"))
    kind: Mapped[str]
    key: Mapped[str]
    reason: Mapped[str]
    # What it took: see `domain.takedown.Effect`.
    effect: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    # None for the operator, who has no account.
    made_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[datetime] = created()
    lifted_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    lifted_at: Mapped[datetime | None]


class Tombstone(Table):
    """What a takedown keeps out: the SHA-256 of bytes or of an address, which cannot be told apart.

    A row stays when its takedown is lifted: the row of the image is there, and comes to life again
    when the picture is sent again.
    """

    __tablename__ = "tombstone"
    __table_args__ = (Index("ix_tombstone_key", "key"),)
    takedown_id: Mapped[int] = mapped_column(
        ForeignKey("takedown.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    # That of the takedown, so that one index answers.
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"))
    lifted: Mapped[bool] = mapped_column(server_default="false")


class Erasure(Table):
    """Bytes that are to be erased once the transaction is committed that wrote this row.

    Whoever erases holds the row's lock, and so does who stores these bytes at the same moment. The
    row stays for a while: who has put the bytes before and writes rows after sees that they went.
    """

    __tablename__ = "erasure"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = created()
    erased_at: Mapped[datetime | None]
