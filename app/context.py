"""What a request may use, built once by `create_app`."""

from dataclasses import dataclass, field

from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import FolderBlobs
from app.db.tables import Job
from app.domain.job import JobKind
from app.jobs import Jobs
from app.settings import Settings


@dataclass(frozen=True)
class Context:
    """The settings and the ports."""

    settings: Settings
    sessions: sessionmaker[Session]
    blobs: FolderBlobs
    jobs: Jobs
    redis: Redis


@dataclass(frozen=True)
class Unit:
    """One request's transaction, and the jobs to send once it is committed."""

    session: Session
    queued: list[tuple[int, JobKind]] = field(default_factory=list)

    def release_connection(self) -> None:
        """Let go of the database before work that takes long; the next query begins anew.

        Only after reading: what was written and not committed would be lost.
        """
        self.session.rollback()

    def send_after_commit(self, job: Job) -> None:
        """Send this job after the commit, not before: a worker must find its row."""
        self.queued.append((job.id, JobKind(job.kind)))
