"""Work for the background."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.job import JobKind, JobState

from .base import Table, created, one_of, row_id


class Job(Table):
    """A piece of background work: the truth about it. The broker only carries its id."""

    __tablename__ = "job"
    __table_args__ = (
        one_of("kind", JobKind),
        one_of("state", JobState),
        UniqueConstraint("round_id", "kind"),
        UniqueConstraint("import_id"),
        UniqueConstraint("batch_id"),
        # A job is a step of a round, an import, a batch, or a project's own.
        CheckConstraint(
            "num_nonnulls(round_id, import_id, batch_id, project_id) = 1", name="one_owner"
        ),
        # Two that queue a project's job of one kind at once: the second fails here.
        Index(
            "uq_job_project_id_kind",
            "project_id",
            "kind",
            unique=True,
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        Index(
            "ix_job_unfinished",
            "state",
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
    )
    id: Mapped[int] = row_id()
    kind: Mapped[str]
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id"))
    import_id: Mapped[int | None] = mapped_column(ForeignKey("import.id"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batch.id"))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"))
    state: Mapped[str]
    attempt: Mapped[int] = mapped_column(server_default="0")
    # How often a worker died over it since it last got on.
    lapses: Mapped[int] = mapped_column(server_default="0")
    sent_at: Mapped[datetime | None]
    worker: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    step: Mapped[int] = mapped_column(server_default="0")
    steps: Mapped[int | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = created()
