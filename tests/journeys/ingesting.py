"""A server of a test's own, which may be killed, and `vetted ingest` beside it."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from app.blobs import FolderBlobs
from app.db.tables import Batch, Candidate, Job
from app.settings import Settings
from tests.journeys.conftest import Server, _serve, _wait_for
from tests.memory_jobs import MemoryJobs
from tests.workers.factory import eventually
from workers.runner import Workbench, run_one

COMMAND = "from vetted.cli import main; main()"


@dataclass
class Place:
    """A server of the test's own, which may be killed, and the command beside it."""

    server: Server
    project: str
    project_id: int
    token: str
    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def state(self) -> Path:
        return self.folder / "state.sqlite"

    def serve(self, **settings: str) -> None:
        self.settings = self.server.settings | settings
        self.process = _serve(self.port, self.settings)
        _wait_for(self.url, self.process)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        where = ("--project", self.project, "--url", self.url, "--state", str(self.state))
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, "ingest", *words, *where],
            env=os.environ | {"VETTED_TOKEN": self.token, "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str]:
        started = self.begin(*words)
        printed, _ = started.communicate(timeout=120)
        return started.returncode, printed

    def work(self) -> Batch:
        """Do the newest job of the project's batches, once it is there; gives its batch."""
        settings = Settings(
            **{name.removeprefix("VETTED_").lower(): value for name, value in self.settings.items()}  # type: ignore[arg-type]
        )
        newest = (
            select(func.max(Job.id))
            .join(Batch, Batch.id == Job.batch_id)
            .where(Batch.project_id == self.project_id, Job.state == "queued")
        )

        def look() -> int | None:
            with self.server.sessions() as session:
                return session.scalars(newest).one()

        blobs = FolderBlobs(settings.data_dir / "blobs")
        job_id: int = eventually(look)
        run_one(Workbench(settings, self.server.sessions, blobs, MemoryJobs()), job_id)  # type: ignore[arg-type]
        with self.server.sessions() as session:
            return session.scalars(select(Batch).join(Job).where(Job.id == job_id)).one()

    def pooled(self) -> int:
        """Pictures of the pool."""
        pool = select(func.count()).where(Candidate.project_id == self.project_id)
        with self.server.sessions() as session:
            return session.scalars(pool).one()
