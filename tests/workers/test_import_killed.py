"""An import whose workers are killed ends as if nothing had happened."""

import os
import signal

import pytest
from sqlalchemy import func, select

from app.blobs import FolderBlobs
from app.db.tables import Event, Example, Import, Job
from app.domain.event import Verb
from app.jobs import CeleryJobs, make_celery
from tests import factories
from tests.factories import paint
from tests.imports.packing import tarred
from tests.workers.factory import Factory, eventually
from workers.runner import Workbench, reconcile_once

pytestmark = pytest.mark.slow

PICTURES = 480


def test_a_worker_that_is_killed_twice_stores_each_picture_once(place: Factory) -> None:
    with place.transaction() as session:
        lead = session.get_one(factories.User, place.lead)
        factories.make_project(session, lead, "flowers")
    files = {
        f"{'Gentian' if index % 2 else 'Aster'}/{index}.jpg": paint(index % 2, index)
        for index in range(PICTURES)
    }
    files |= {"Aster/broken.jpg": b"<html>", "Gentian/again.jpg": files["Gentian/1.jpg"]}
    sent = {"file": ("flowers.tar.gz", tarred(files, "w:gz"))}
    answer = place.client().post("projects/flowers/imports", files=sent)
    assert answer.status_code == 201, answer.text
    blobs = FolderBlobs(place.settings.data_dir / "blobs")
    jobs = CeleryJobs(make_celery(place.settings.broker_url))
    bench = Workbench(place.settings, place.sessions, blobs, jobs)
    done = 0
    for _ in range(2):
        worker = place._worker("ingest", "--pool=threads", "--concurrency=1")
        place.others.append(worker)
        done = eventually(lambda before=done: further(place, before))
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        place.let_lapse(job_of(place).id)
        reconcile_once(bench)
    place.others.append(place._worker("ingest", "--pool=threads", "--concurrency=1"))
    eventually(lambda: look(place).state != "running")
    of = look(place)
    assert (of.state, of.error, of.done, of.total) == ("done", None, PICTURES + 2, PICTURES + 2)
    # The last batch of a killed worker is stored by whoever takes over, and counted once.
    assert of.counts["stored"] == of.counts["train"] + of.counts["test"] == PICTURES
    assert (of.counts["duplicate"], of.reasons) == (1, {"not_an_image": 1})
    # The rule of the project is 20 % and at most 20: no matter how often it was begun.
    assert of.counts["test"] == 40
    assert job_of(place).attempt == 3
    with place.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Example)) == PICTURES
        made = select(func.count()).where(Event.verb == Verb.CREATE_CATEGORY)
        assert session.scalar(made) == 2


def look(place: Factory) -> Import:
    with place.sessions() as session:
        return session.scalars(select(Import)).one()


def job_of(place: Factory) -> Job:
    with place.sessions() as session:
        return session.scalars(select(Job)).one()


def further(place: Factory, before: int) -> int:
    """How much is done, once it is more than before."""
    done = look(place).done
    assert done < PICTURES, "it was too quick to be hit"
    return done if done > before else 0
