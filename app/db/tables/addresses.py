"""Lists of addresses that the server fetches, and the servers that they lead to."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.fetching import AddressState

from .base import Table, one_of


class Address(Table):
    """An address of a batch, what was said about its picture, and what became of it.

    A worker takes them host by host, the longest due first. None is marked while it is fetched: a
    worker that is killed has not fetched it.
    """

    __tablename__ = "address"
    __table_args__ = (
        one_of("state", AddressState),
        # An address that stands in a list twice is fetched once.
        UniqueConstraint("batch_id", "key"),
        Index(
            "ix_address_waiting",
            "batch_id",
            "host",
            "due_at",
            "position",
            postgresql_where=text("state = 'waiting'"),
        ),
    )
    batch_id: Mapped[int] = mapped_column(
        ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True
    )
    # The row of the list, from 1.
    position: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[UUID]
    url: Mapped[str]
    host: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(server_default="{}")
    author: Mapped[str | None]
    licence: Mapped[str | None]
    crawled_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(server_default=AddressState.WAITING.value)
    tries: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime]
    # The newest trouble, also of one that waits for another try.
    reason: Mapped[str | None]


class Fetched(Table):
    """What a project has of an address, and how to ask whether that has changed."""

    __tablename__ = "fetched"
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    key: Mapped[UUID] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), index=True)
    etag: Mapped[str | None]
    last_modified: Mapped[str | None]


class WebHost(Table):
    """A server that pictures are fetched from: when anybody may next ask it.

    `failures` in a row close it for longer and longer; `reason` is the newest.
    """

    __tablename__ = "web_host"
    host: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[datetime]
    failures: Mapped[int] = mapped_column(server_default="0")
    reason: Mapped[str | None]
