"""Imports of labelled pictures."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.importing import ImportFormat, ImportState

from .base import Table, created, one_of, row_id


class Import(Table):
    """An archive that a lead sent, what shall become of it, and how far that is.

    `done` counts pictures in the order in which they lie in the archive: whoever takes over goes on
    there. `counts` is by outcome (stored, duplicate, pooled, train, test ...), `reasons` by reason.
    """

    __tablename__ = "import"
    __table_args__ = (
        one_of("state", ImportState),
        one_of("format", ImportFormat),
        Index("ix_import_project_id_id", "project_id", "id"),
        # Whose archive is still kept: looked through every few seconds.
        Index("ix_import_kept", "state", postgresql_where=text("blob_key IS NOT NULL")),
    )
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    filename: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    blob_key: Mapped[str | None]
    format: Mapped[str]
    options: Mapped[dict[str, Any]]
    preview: Mapped[dict[str, Any]]
    state: Mapped[str]
    # None until a worker has begun.
    total: Mapped[int | None]
    done: Mapped[int] = mapped_column(server_default="0")
    counts: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    reasons: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    categories_created: Mapped[list[str]] = mapped_column(server_default="{}")
    error: Mapped[str | None]
    created_at: Mapped[datetime] = created()
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ImportRefusal(Table):
    """A file that an import left out, and why; the first MOST_TOLD of each import."""

    __tablename__ = "import_refusal"
    import_id: Mapped[int] = mapped_column(
        ForeignKey("import.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    filename: Mapped[str]
    reason: Mapped[str]
    # What the decoder says of a picture; other reasons speak for themselves.
    detail: Mapped[str | None]
