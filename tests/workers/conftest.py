"""One factory for all tests of the workers: starting torch takes seconds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from app.blobs import FolderBlobs
from app.db.session import make_engine, make_sessions
from app.db.tables import Job, Project, Round
from app.settings import Settings
from app.usecases.rounds.start_round import start_round
from tests.conftest import _new_database, _text
from tests.memory_jobs import MemoryJobs
from tests.workers.factory import Factory, hire_lead
from vetted.embedded.postgres import Postgres
from vetted.embedded.valkey import Valkey
from workers.runner import Workbench, run_one


@pytest.fixture(scope="module")
def factory(
    postgres_server: Postgres,
    migrated_template: str,
    valkey_server: Valkey,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Factory]:
    """A worker for all that is not computing, with the clock; compute workers are started by the tests."""
    folder = tmp_path_factory.mktemp("factory")
    weights = folder / "weights"
    weights.mkdir()
    with _new_database(postgres_server, migrated_template) as url:
        settings = Settings(
            database_url=_text(url),
            broker_url=valkey_server.url,
            data_dir=folder,
            secret_key="k" * 40,
            weights_dir=weights,
            database_connections=4,
        )
        engine = make_engine(settings.database_url, connections=6)
        made = Factory(settings, make_sessions(engine), folder)
        try:
            hire_lead(made)
            made.start_light()
            yield made
        finally:
            made.stop()
            engine.dispose()


@pytest.fixture
def alone(database_url: str, tmp_path: Path) -> Iterator[Factory]:
    """Without any worker: the test plays them in its own process."""
    settings = Settings(
        database_url=database_url,
        broker_url="redis://127.0.0.1:1/0",
        data_dir=tmp_path,
        secret_key="k" * 40,
    )
    engine = make_engine(database_url, connections=4)
    made = Factory(settings, make_sessions(engine), tmp_path)
    hire_lead(made)
    yield made
    engine.dispose()


@pytest.fixture
def place(database_url: str, valkey_server: Valkey, tmp_path: Path) -> Iterator[Factory]:
    """With a broker but without a clock: the test is it."""
    settings = Settings(
        database_url=database_url,
        broker_url=valkey_server.url,
        data_dir=tmp_path,
        secret_key="k" * 40,
    )
    engine = make_engine(database_url, connections=4)
    made = Factory(settings, make_sessions(engine), tmp_path)
    hire_lead(made)
    yield made
    made.stop()
    engine.dispose()


@pytest.fixture
def play(alone: Factory) -> Callable[[int], int]:
    """Take a project's next round to its labelers; gives its id."""
    jobs = MemoryJobs()
    blobs = FolderBlobs(alone.settings.data_dir / "blobs")
    bench = Workbench(alone.settings, alone.sessions, blobs, jobs)

    def until_labeling(project_id: int) -> int:
        with alone.transaction() as session:
            project = session.get_one(Project, project_id)
            started, job = start_round(session, project, alone.lead)
            round_id, jobs.sent = started.id, [(job.id, job.kind)]  # type: ignore[list-item]
        while jobs.sent:
            run_one(bench, jobs.sent.pop()[0])
        with alone.sessions() as session:
            errors = session.scalars(select(Job.error).where(Job.error.is_not(None))).all()
            assert session.get_one(Round, round_id).state == "labeling", errors
        return round_id

    return until_labeling
