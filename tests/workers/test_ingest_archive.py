"""A crawler's archive in a worker's hands: everything is counted, nothing twice, whoever dies."""

import io
import json
import os
import signal
import tarfile
from collections.abc import Callable
from typing import BinaryIO

import pytest
from sqlalchemy import func, select

from app.blobs import FolderBlobs
from app.db.tables import ApiToken, Batch, BatchRefusal, Candidate, Image, Job, Source
from app.jobs import CeleryJobs, make_celery
from tests import factories
from tests.factories import paint
from tests.imports.packing import tarred, zipped
from tests.memory_jobs import MemoryJobs
from tests.workers.factory import Factory, eventually
from vetted.client.uploads import said
from workers.runner import Workbench, reconcile_once, run_one

TUS = {"Tus-Resumable": "1.0.0"}


def send(place: Factory, archive: BinaryIO, **facts: str) -> int:
    """Announce and send an archive; gives its job."""
    data = archive.read()
    with place.transaction() as session:
        if session.scalar(select(factories.Project)) is None:
            lead = session.get_one(factories.User, place.lead)
            factories.make_project(session, lead, "flowers")
    client = place.client()
    announced = TUS | {"Upload-Length": str(len(data)), "Upload-Metadata": said(**facts)}
    made = client.post("projects/flowers/uploads", headers=announced)
    assert made.status_code == 201, made.text
    headers = TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    path = f"projects/flowers/uploads/{made.json()['id']}"
    assert client.patch(path, headers=headers, content=data).status_code == 204
    with place.sessions() as session:
        return session.scalars(select(func.max(Job.id))).one()


def work(place: Factory, job_id: int) -> Batch:
    """What the job made of the batch."""
    blobs = FolderBlobs(place.settings.data_dir / "blobs")
    run_one(Workbench(place.settings, place.sessions, blobs, MemoryJobs()), job_id)
    return batch_of(place, job_id)


def batch_of(place: Factory, job_id: int) -> Batch:
    with place.sessions() as session:
        return session.scalars(select(Batch).join(Job).where(Job.id == job_id)).one()


def told(place: Factory, batch: Batch) -> dict[str, str]:
    with place.sessions() as session:
        rows = session.scalars(select(BatchRefusal).where(BatchRefusal.batch_id == batch.id))
        return {row.filename: row.reason for row in rows}


def counts(batch: Batch) -> tuple[int, int, int, int]:
    return batch.received, batch.stored, batch.duplicate, batch.rejected


@pytest.mark.parametrize("pack", [tarred, zipped, lambda files: tarred(files, "w:gz")])
def test_a_webdataset_shard_brings_its_sources(
    alone: Factory, pack: Callable[..., BinaryIO]
) -> None:
    about = {"url": "https://a.example/1", "author": "A. B.", "license": "CC BY", "tags": ["blue"]}
    files = {
        "000001.jpg": paint(0, 1),
        "000001.json": json.dumps(about).encode(),
        "000001.cls": b"3",
        "000002.image.jpg": paint(0, 2),
        "000002.txt": b"url: https://a.example/2\na gentian in bloom",
        "000003.jpg": paint(0, 3),
        "000004.jpg": paint(0, 1),
        "000005.jpg": paint(0, 5),
        "000005.json": b"{broken",
        "000006.jpg": b"<html>",
    }
    batch = work(alone, send(alone, pack(files), filename="shard.tar", licence="CC0", tags="crawl"))
    assert (batch.state, batch.error, batch.name) == ("done", None, "shard.tar")
    assert counts(batch) == (6, 3, 1, 2)
    assert batch.reasons == {"invalid_sidecar": 1, "not_an_image": 1}
    assert told(alone, batch) == {"000005.jpg": "invalid_sidecar", "000006.jpg": "not_an_image"}
    assert batch.done == batch.total
    with alone.sessions() as session:
        sources = session.scalars(select(Source)).all()
        assert session.scalar(select(func.count()).select_from(Candidate)) == 3
    assert {(each.url, each.author, each.licence, tuple(each.tags)) for each in sources} == {
        ("https://a.example/1", "A. B.", "CC BY", ("blue",)),
        ("https://a.example/2", None, "CC0", ("a gentian in bloom",)),
        (None, None, "CC0", ("crawl",)),
    }


def test_of_a_hostile_tar_what_is_whole_is_taken_and_the_rest_is_told(alone: Factory) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", errors="surrogateescape") as tar:
        for name, content in {
            "../../etc/cron.d/x.jpg": paint(1, 1),
            "/absolute.jpg": paint(1, 2),
            "inner/more.zip": b"PK",
            "Größe 花 \udcff\n.jpg": paint(1, 3),
            "huge.jpg": bytes(300_000),
            "none.jpg": b"",
            "good.jpg": paint(1, 4),
            "last.jpg": paint(1, 5),
        }.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for name, kind in {"link.jpg": tarfile.SYMTYPE, "null": tarfile.CHRTYPE}.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    small = alone.settings.model_copy(update={"most_image_bytes": 200_000})
    alone.settings = small
    cut = io.BytesIO(made.getvalue()[: made.getvalue().rfind(b"null")])
    batch = work(alone, send(alone, cut, filename="crawl.tar"))
    assert batch.state == "done"
    assert counts(batch) == (10, 3, 0, 7)
    assert told(alone, batch) == {
        "../../etc/cron.d/x.jpg": "unsafe_path",
        "/absolute.jpg": "unsafe_path",
        "inner/more.zip": "nested_archive",
        "huge.jpg": "too_large",
        "none.jpg": "empty",
        "link.jpg": "no_file",
        "crawl.tar": "ends_early",
    }
    assert batch.reasons == dict.fromkeys(told(alone, batch).values(), 1) | {"unsafe_path": 2}
    outside = {path.name for path in alone.folder.rglob("*") if path.is_file()}
    assert not outside & {"x.jpg", "absolute.jpg", "good.jpg"}


def test_what_is_no_archive_fails_with_a_sentence_and_goes(alone: Factory) -> None:
    job_id = send(alone, io.BytesIO(b"<html>" * 500), filename="page.tar")
    batch = work(alone, job_id)
    assert (batch.state, counts(batch)) == ("failed", (0, 0, 0, 0))
    assert "no zip and no tar" in str(batch.error)
    gone = send(alone, tarred({"1.jpg": paint(0, 1)}), filename="gone.tar")
    FolderBlobs(alone.settings.data_dir / "blobs").delete(str(batch_of(alone, gone).blob_key))
    assert work(alone, gone).error == "The archive is gone. Send it again."


def test_the_pictures_of_an_archive_count_against_its_tokens_quota(alone: Factory) -> None:
    with alone.transaction() as session:
        session.scalars(select(ApiToken)).one().most_images = 70
    files = {f"{index}.jpg": paint(0, index) for index in range(100)}
    batch = work(alone, send(alone, tarred(files), filename="many.tar"))
    assert (batch.state, batch.stored) == ("failed", 64)
    assert "may bring 70" in str(batch.error)


PICTURES = 640


@pytest.mark.slow
def test_a_worker_that_is_killed_twice_stores_each_picture_once(place: Factory) -> None:
    files = {f"{index:04}.jpg": paint(index % 5, index) for index in range(PICTURES)}
    files |= {f"{index:04}.json": b'{"licence": "CC0"}' for index in range(PICTURES)}
    files |= {"broken.jpg": b"<html>", "again.jpg": files["0001.jpg"]}
    ordered = dict(sorted(files.items()))
    job_id = send(place, tarred(ordered, "w:gz"), filename="crawl.tar.gz")
    jobs = CeleryJobs(make_celery(place.settings.broker_url))
    blobs = FolderBlobs(place.settings.data_dir / "blobs")
    bench = Workbench(place.settings, place.sessions, blobs, jobs)
    before = 0
    for _ in range(2):
        worker = place._worker("ingest", "--pool=threads", "--concurrency=1")
        place.others.append(worker)
        before = eventually(lambda done=before: further(place, job_id, done))
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        place.let_lapse(job_id)
        reconcile_once(bench)
    place.others.append(place._worker("ingest", "--pool=threads", "--concurrency=1"))
    eventually(lambda: batch_of(place, job_id).state != "running")
    batch = batch_of(place, job_id)
    assert (batch.state, batch.error) == ("done", None)
    assert counts(batch) == (PICTURES + 2, PICTURES, 1, 1)
    assert batch.done == batch.total == len(ordered)
    with place.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Image)) == PICTURES
        licences = select(func.count()).where(Source.licence == "CC0")
        assert session.scalar(licences) == PICTURES
        assert session.scalars(select(Job.attempt).where(Job.id == job_id)).one() == 3


def further(place: Factory, job_id: int, before: int) -> int:
    batch = batch_of(place, job_id)
    assert batch.state != "done", "it was too quick to be hit"
    return batch.done if batch.done > before else 0


def test_while_the_disk_is_nearly_full_an_archive_waits_and_then_goes_on(alone: Factory) -> None:
    job_id = send(alone, tarred({"1.jpg": paint(0, 1), "2.jpg": paint(0, 2)}), filename="a.tar")
    blobs = FolderBlobs(alone.settings.data_dir / "blobs")
    full = alone.settings.model_copy(update={"least_free_bytes": 2**60})
    run_one(Workbench(full, alone.sessions, blobs, MemoryJobs()), job_id)
    assert (batch_of(alone, job_id).state, batch_of(alone, job_id).done) == ("running", 0)
    with alone.transaction() as session:
        job = session.get_one(Job, job_id)
        assert job.state == "queued"
        job.lapses = 2
    batch = work(alone, job_id)
    assert (batch.state, batch.stored) == ("done", 2)
    with alone.sessions() as session:
        # With a part that is stored, the deaths of workers before it count no more.
        assert session.get_one(Job, job_id).lapses == 0
