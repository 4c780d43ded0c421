"""A sync whose workers are killed ends as if nothing had happened."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.blobs import open_blobs
from app.db.session import make_engine, make_sessions
from app.db.tables import Batch, Candidate, Job, SyncedObject
from app.jobs import CeleryJobs, make_celery
from app.settings import Settings
from tests import factories
from tests.factories import paint
from tests.s3 import S3
from tests.workers.factory import Factory, eventually, hire_lead
from vetted.embedded.valkey import Valkey
from workers.runner import Workbench, reconcile_once

pytestmark = pytest.mark.slow

PICTURES = 300


@pytest.fixture
def place(
    database_url: str, valkey_server: Valkey, tmp_path: Path, s3: S3
) -> Iterator[tuple[Factory, str]]:
    """Without a clock: the test is it. Pictures lie in one bucket and go into another place of it."""
    crawls = s3.prefix()
    settings = Settings(
        database_url=database_url,
        broker_url=valkey_server.url,
        data_dir=tmp_path,
        secret_key="k" * 40,
        blobs=s3.prefix(),
        sync_locations=f"crawls={crawls}",
        **s3.given(),
    )
    engine = make_engine(database_url, connections=4)
    made = Factory(settings, make_sessions(engine), tmp_path)
    hire_lead(made)
    yield made, crawls
    made.stop()
    engine.dispose()


def test_a_sync_that_is_killed_twice_goes_on_with_what_is_not_written(
    place: tuple[Factory, str], s3: S3
) -> None:
    factory, crawls = place
    with factory.transaction() as session:
        lead = session.get_one(factories.User, factory.lead)
        factories.make_project(session, lead, "flowers")
    for index in range(PICTURES):
        s3.put(crawls, f"day/{index:04}.jpg", paint(index % 2, index))
    s3.put(crawls, "day/broken.jpg", b"<html>")
    s3.requests.clear()
    answer = factory.client().post("projects/flowers/syncs", json={"location": "crawls"})
    assert answer.status_code == 201, answer.text
    jobs = CeleryJobs(make_celery(factory.settings.broker_url))
    blobs = open_blobs(factory.settings, factory.settings.data_dir)
    bench = Workbench(factory.settings, factory.sessions, blobs, jobs)
    done = 0
    for _ in range(2):
        worker = factory._worker("ingest", "--pool=threads", "--concurrency=1")
        factory.others.append(worker)
        done = eventually(lambda before=done: further(factory, before))
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        factory.let_lapse(job_of(factory).id)
        reconcile_once(bench)
    factory.others.append(factory._worker("ingest", "--pool=threads", "--concurrency=1"))
    eventually(lambda: look(factory).state != "running")
    of = look(factory)
    total = PICTURES + 1
    assert (of.state, of.error, of.done, of.total) == ("done", None, total, total)
    assert (of.stored, of.rejected, of.reasons) == (PICTURES, 1, {"not_an_image": 1})
    # What a killed worker had read but not written was stored again under the same name.
    assert of.duplicate == 0
    assert job_of(factory).attempt == 3
    with factory.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Candidate)) == PICTURES
        assert session.scalar(select(func.count()).select_from(SyncedObject)) == total
    below = crawls.removeprefix("s3://")
    reads = [path for path in s3.reads() if path.startswith(below)]
    assert set(reads) == {f"{below}/day/{index:04}.jpg" for index in range(PICTURES)} | {
        f"{below}/day/broken.jpg"
    }
    # At most a part of 32 for each killed worker was read once more.
    assert len(reads) <= total + 2 * 32


def look(factory: Factory) -> Batch:
    with factory.sessions() as session:
        return session.scalars(select(Batch)).one()


def job_of(factory: Factory) -> Job:
    with factory.sessions() as session:
        return session.scalars(select(Job)).one()


def further(factory: Factory, before: int) -> int:
    """How much is done, once it is more than before."""
    done = look(factory).done
    assert done < PICTURES, "it was too quick to be hit"
    return done if done > before else 0
