"""What a request may use, built once by `create_app`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from redis import Redis
from sqlalchemy.orm import Session

from app.blobs import Blobs
from app.db.session import Sessions
from app.db.tables import Job
from app.domain.job import JobKind
from app.jobs import Jobs
from app.settings import Settings


@dataclass(frozen=True)
class Context:
    """The settings and the ports."""

    settings: Settings
    sessions: Sessions
    blobs: Blobs
    jobs: Jobs
    redis: Redis


@dataclass(frozen=True)
class Unit:
    """One request's transaction, and the jobs to send once it is committed."""

    session: Session
    queued: list[tuple[int, JobKind]] = field(default_factory=list)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Commit at the end, or roll back what raises; either way the connection is given back."""
        try:
            yield
            self.session.commit()
        except BaseException:
            self.session.rollback()
            raise

    def release_connection(self) -> None:
        """Let go of the database before work that takes long; the next query begins anew.

        Only after reading: what was written before would be committed apart from the rest. (Not a
        rollback, which would make the rows that were read unreadable.)
        """
        self.session.commit()

    def send_after_commit(self, job: Job) -> None:
        """Send this job after the commit, not before: a worker must find its row."""
        self.queued.append((job.id, JobKind(job.kind)))
