"""The product's background: real Celery workers on a real database and a real broker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from redis import Redis
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import FolderBlobs
from app.db.session import transaction
from app.db.tables import Candidate, Category, Image, Job, Project, Proposal, Round, User
from app.domain.dataset import Split
from app.domain.job import JobKind
from app.domain.round import bucket_of
from app.main import create_app
from app.settings import Settings
from app.usecases.people import create_token
from tests import factories
from tests.api.service import EVERY_SCOPE

CODE = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds; a machine may be busy
QUIET = ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")


def eventually(look: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What `look` gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
    return found


@dataclass
class Factory:
    """Servers, workers, and a lead with an API token."""

    settings: Settings
    sessions: sessionmaker[Session]
    folder: Path
    token: str = ""
    lead: int = 0
    computing: list[subprocess.Popen[bytes]] = field(default_factory=list)
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)
    started: int = 0
    # Making one takes half a second.
    apps: dict[Settings, FastAPI] = field(default_factory=dict)

    # Processes

    def start_light(self) -> None:
        schedule = str(self.folder / "beat")
        options = ("--pool=threads", "--concurrency=2", "-B", "-s", schedule)
        self.others.append(self._worker("light,ingest", *options))

    def keep_computing(self, workers: int = 2) -> None:
        """That many compute workers are alive or on their way."""
        self.computing = [each for each in self.computing if each.poll() is None]
        while len(self.computing) < workers:
            self.computing.append(self._worker("compute", "--pool=solo"))

    def kill_worker_of(self, job_id: int) -> int:
        """kill -9 the process that works on the job; gives its process id."""
        pid = int(str(self.job(job_id).worker).rpartition(":")[2])
        assert pid in {each.pid for each in self.computing}
        os.kill(pid, signal.SIGKILL)
        for each in self.computing:
            if each.pid == pid:
                each.wait(PATIENCE)
        self.keep_computing()
        return pid

    def stop_computing(self) -> None:
        _end(self.computing)
        self.computing = []

    def stop(self) -> None:
        _end([*self.computing, *self.others])

    def _worker(self, queue: str, *options: str) -> subprocess.Popen[bytes]:
        self.started += 1
        name = f"{queue.partition(',')[0]}{self.started}"
        argv = [sys.executable, "-m", "celery", "-A", "workers.celery", "worker", "-Q", queue]
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [*argv, "-n", f"{name}@test", *options, *QUIET],
                cwd=CODE,
                env={**os.environ, **_environment(self.settings), "OMP_NUM_THREADS": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    # The lead

    def client(self, **changes: Any) -> TestClient:
        """The web service with the lead's token."""
        settings = self.settings.model_copy(update=changes)
        if settings not in self.apps:
            self.apps[settings] = create_app(settings)
        headers = {"Authorization": f"Bearer {self.token}"}
        return TestClient(
            self.apps[settings], base_url="http://testserver/api/v1/", headers=headers
        )

    def start_round(self, slug: str, **changes: Any) -> int:
        """Start a round over REST; gives its id."""
        answer = self.client(**changes).post(f"projects/{slug}/rounds")
        assert answer.status_code == 201, answer.text
        with self.sessions() as session:
            return session.scalars(
                select(Round.id)
                .join(Project, Project.id == Round.project_id)
                .where(Project.slug == slug, Round.number == answer.json()["number"])
            ).one()

    def answer_everything(self, round_id: int, word: str) -> None:
        """Give every proposal of the round this answer, and close it over REST."""
        with self.transaction() as session:
            for proposal in session.scalars(select(Proposal).where(Proposal.round_id == round_id)):
                factories.answer(session, proposal, self.lead, word)
        self.close(round_id)

    def close(self, round_id: int) -> None:
        found = self.round(round_id)
        with self.sessions() as session:
            slug = session.get_one(Project, found.project_id).slug
        answer = self.client().post(f"projects/{slug}/rounds/{found.number}/close")
        assert answer.status_code == 200, answer.text

    # What the database says

    def transaction(self) -> Any:
        return transaction(self.sessions)

    def round(self, round_id: int) -> Round:
        with self.sessions() as session:
            return session.get_one(Round, round_id)

    def job(self, job_id: int) -> Job:
        with self.sessions() as session:
            return session.get_one(Job, job_id)

    def jobs(self, round_id: int) -> dict[str, Job]:
        with self.sessions() as session:
            rows = session.scalars(select(Job).where(Job.round_id == round_id))
            return {job.kind: job for job in rows}

    def running(self, round_id: int, kind: JobKind) -> Job:
        """The job of this kind, once a worker has it."""

        def look() -> Job | None:
            assert self.round(round_id).state != "failed", self.round(round_id).error
            job = self.jobs(round_id).get(kind)
            assert job is None or job.state in {"queued", "running"}, "it was too quick to be hit"
            return job if job is not None and job.state == "running" else None

        return eventually(look)

    def until(self, round_id: int, state: str) -> Round:
        def look() -> Round | None:
            found = self.round(round_id)
            wrong = found.state in {"failed", "cancelled"} and found.state != state
            assert not wrong, f"{found.state}: {found.error}"
            return found if found.state == state else None

        return eventually(look)

    def let_lapse(self, job_id: int) -> None:
        """As if a dead worker's lease had run out already."""
        with self.transaction() as session:
            session.execute(update(Job).where(Job.id == job_id).values(lease_expires_at=func.now()))

    def pairs(self, round_id: int) -> list[tuple[int, int]]:
        """(image, category) of each proposal."""
        with self.sessions() as session:
            rows = session.execute(
                select(Proposal.image_id, Proposal.category_id).where(Proposal.round_id == round_id)
            )
            return [(image, category) for image, category in rows]

    def visited(self, project_id: int, number: int) -> set[int]:
        """Images of the candidates that this round has visited."""
        with self.sessions() as session:
            return set(
                session.scalars(
                    select(Candidate.image_id).where(
                        Candidate.project_id == project_id, Candidate.last_round == number
                    )
                )
            )

    # Projects

    def project(
        self,
        slug: str,
        *,
        seeds: Sequence[Sequence[bytes]],
        pool: Sequence[bytes],
        test: Sequence[Sequence[bytes]] = (),
        **columns: Any,
    ) -> int:
        """A project of which each category has these seeds and test pictures; gives its id."""
        blobs = FolderBlobs(self.settings.data_dir / "blobs")
        with self.transaction() as session:
            project = factories.make_project(session, session.get_one(User, self.lead), slug)
            for name, value in columns.items():
                setattr(project, name, value)
            for index, pictures in enumerate(seeds):
                category = Category(project_id=project.id, name=f"Species {index}")
                session.add(category)
                session.flush()
                _examples(session, blobs, project, category, pictures, Split.TRAIN)
                if test:
                    _examples(session, blobs, project, category, test[index], Split.TEST)
            for picture in pool:
                image = factories.make_image(session, blobs, project, picture)
                session.add(
                    Candidate(
                        image_id=image.id, project_id=project.id, bucket=bucket_of(image.sha256)
                    )
                )
            return project.id

    def image_id(self, project_id: int, sha256: str) -> int:
        with self.sessions() as session:
            return session.scalars(
                select(Image.id).where(Image.project_id == project_id, Image.sha256 == sha256)
            ).one()

    def messages(self, queue: str) -> int:
        with Redis.from_url(self.settings.broker_url) as broker:
            return int(broker.llen(queue))  # type: ignore[arg-type]


def hire_lead(factory: Factory) -> None:
    """The person on whose behalf tests call REST."""
    with factory.transaction() as session:
        user = User(login="lea", name="Lea", password_hash="none", may_create_projects=True)
        session.add(user)
        session.flush()
        factory.lead = user.id
        factory.token = create_token(session, "lea", "test", EVERY_SCOPE)


def _examples(
    session: Session,
    blobs: FolderBlobs,
    project: Project,
    category: Category,
    pictures: Sequence[bytes],
    split: Split,
) -> None:
    for picture in pictures:
        image = factories.make_image(session, blobs, project, picture)
        factories.make_example(session, image, category, split)


def _environment(settings: Settings) -> dict[str, str]:
    return {
        f"VETTED_{name.upper()}": str(value)
        for name, value in settings.model_dump().items()
        if value is not None
    }


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
