"""A batch whose workers are killed while it is withdrawn, and brought back, moves as a whole."""

import os
import signal
from collections.abc import Callable

import pytest
from sqlalchemy import func, select, text

from app.blobs import FolderBlobs
from app.db.tables import Candidate, Category, DatasetVersion, Example, Job, WithdrawnImage
from app.domain.batch import BatchKind, BatchState
from app.domain.round import RoundState
from app.jobs import CeleryJobs, make_celery
from tests import factories
from tests.workers.factory import Factory, eventually
from workers.runner import Workbench, reconcile_once

pytestmark = pytest.mark.slow

PICTURES = 20_000
MEMBERS = 100

_FILL = (
    """
    INSERT INTO image (project_id, sha256, format, width, height, size)
    SELECT :project, encode(sha256(n::text::bytea), 'hex'), 'JPEG', 640, 480, 50000
    FROM generate_series(1, :pictures) n
    """,
    "INSERT INTO batch_image SELECT :batch, id, 'stored' FROM image WHERE project_id = :project",
    """
    INSERT INTO example (project_id, image_id, category_id, split, round_id, from_version)
    SELECT :project, id, :category, 'train', :round, 2 FROM image WHERE project_id = :project
    ORDER BY id LIMIT :members
    """,
    """
    INSERT INTO candidate (image_id, project_id, bucket, standing)
    SELECT id, project_id, 0, 'open' FROM image
    WHERE project_id = :project AND id NOT IN (SELECT image_id FROM example)
    """,
)


def test_a_batch_that_is_killed_on_its_way_goes_and_comes_back(place: Factory) -> None:
    with place.transaction() as session:
        lead = session.get_one(factories.User, place.lead)
        project = factories.make_project(session, lead, "flowers")
        category = Category(project_id=project.id, name="Aster")
        session.add(category)
        batch = factories.make_batch(
            session, project, kind=BatchKind.UPLOAD, state=BatchState.OPEN
        ).id
        closed = factories.make_round(session, project, proposals=0)
        closed.state = RoundState.CLOSED
        where = {"project": project.id, "batch": batch, "pictures": PICTURES, "members": MEMBERS}
        where |= {"category": category.id, "round": closed.id}
        for fill in _FILL:
            session.execute(text(fill), where)
    rest = PICTURES - MEMBERS
    path = f"projects/flowers/batches/{batch}"
    hire(place)
    asked = place.client().post(f"{path}/withdraw", json={"members": "end"})
    assert (asked.status_code, asked.json()["batch"]["moving"]) == (200, "leaving")
    kill_half_way(place, lambda: count(place, WithdrawnImage), MEMBERS)
    told = place.client().get(path).json()
    left = {"candidates": rest, "examples": MEMBERS, "hard_negatives": 0}
    assert (told["moving"], told["error"], told["left"]) == (None, None, left)
    assert (count(place, Candidate), count(place, WithdrawnImage)) == (0, PICTURES)
    assert (members(place), count(place, DatasetVersion)) == (0, 3)
    asked = place.client().post(f"{path}/restore")
    assert (asked.status_code, asked.json()["moving"]) == (200, "returning")
    kill_half_way(place, lambda: count(place, Candidate), 0)
    told = place.client().get(path).json()
    assert (told["moving"], told["error"], told["left"]) == (None, None, None)
    assert (count(place, Candidate), count(place, WithdrawnImage)) == (rest, 0)
    assert (members(place), count(place, DatasetVersion)) == (MEMBERS, 4)


def hire(place: Factory) -> None:
    place.others.append(place._worker("light", "--pool=threads", "--concurrency=1"))


def kill_half_way(place: Factory, moved: Callable[[], int], before: int) -> None:
    """Kill the worker once it has moved something, and let another one end it."""
    jobs = CeleryJobs(make_celery(place.settings.broker_url))
    blobs = FolderBlobs(place.settings.data_dir / "blobs")
    bench = Workbench(place.settings, place.sessions, blobs, jobs)
    worker = place.others.pop()
    eventually(lambda: moved() > before)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    assert before < moved() < PICTURES - MEMBERS, "it was too quick to be hit"
    with place.sessions() as session:
        job_id = session.scalars(select(Job.id).where(Job.batch_id.is_not(None))).one()
    place.let_lapse(job_id)
    reconcile_once(bench)
    hire(place)
    eventually(lambda: place.job(job_id).state not in {"queued", "running"})
    ended = place.job(job_id)
    assert (ended.state, ended.attempt) == ("done", 2)


def count(place: Factory, table: type) -> int:
    with place.sessions() as session:
        return session.scalars(select(func.count()).select_from(table)).one()


def members(place: Factory) -> int:
    with place.sessions() as session:
        return session.scalars(
            select(func.count()).select_from(Example).where(Example.to_version.is_(None))
        ).one()
