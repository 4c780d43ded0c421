"""Archives on their way."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Table, created


class ResumableUpload(Table):
    """An archive that is received in pieces: `received` of `length` bytes are safe on the disk."""

    __tablename__ = "resumable_upload"
    __table_args__ = (
        Index("ix_resumable_upload_open", "user_id", postgresql_where=text("batch_id IS NULL")),
        Index("ix_resumable_upload_expires_at", "expires_at"),
    )
    # Not to be guessed: it is part of an address.
    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    filename: Mapped[str]
    # As the client said it.
    metadata_said: Mapped[str | None]
    length: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger, server_default="0")
    # Made in the transaction in which the last byte counts.
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batch.id"), unique=True)
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = created()
