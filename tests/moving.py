"""A worker in the test's own process that withdraws batches and brings them back."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import FolderBlobs
from app.db.tables import Job
from app.domain.job import JobKind, JobState
from app.settings import Settings
from tests.memory_jobs import MemoryJobs
from workers.runner import Workbench, run_one


def move_batches(sessions: sessionmaker[Session]) -> None:
    """Do what waits."""
    nowhere = Settings(database_url="-", broker_url="-", data_dir=Path("-"), secret_key="k" * 40)
    bench = Workbench(nowhere, sessions, FolderBlobs(nowhere.data_dir), MemoryJobs())
    with sessions() as session:
        waiting = session.scalars(
            select(Job.id).where(Job.kind == JobKind.MOVE_BATCH, Job.state == JobState.QUEUED)
        ).all()
    for job_id in waiting:
        run_one(bench, job_id)
