"""Who did what, when."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.event import Verb

from .base import Table, created, one_of, row_id


class Event(Table):
    """Who did what to a project, and when. Written with what was done, in one transaction."""

    __tablename__ = "event"
    __table_args__ = (
        one_of("verb", Verb),
        Index("ix_event_project_id_id", "project_id", "id"),
        Index("ix_event_project_id_verb", "project_id", "verb", "id"),
        Index("ix_event_project_id_user_id", "project_id", "user_id", "id"),
    )
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    # None for the operator and for the system, which have no account: see `domain.event.actor_of`.
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    verb: Mapped[str]
    # What it was done to: a number of a round or version, a category's name, a login.
    what: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = created()
