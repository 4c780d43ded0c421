"""Syncs from a folder of the server and from a bucket, done by a worker in this process."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, func, select

from app.blobs import open_blobs
from app.db.tables import ApiToken, Batch, BatchRefusal, Candidate, Image, Job, Project, Source
from app.domain.batch import BatchKind, BatchState
from app.domain.errors import InvalidError
from app.domain.job import JobKind, JobState
from app.domain.location import check_prefix
from app.locations import FolderLocation, Found
from app.settings import Settings
from tests import factories
from tests.factories import paint
from tests.memory_jobs import MemoryJobs
from tests.s3 import S3
from tests.workers.factory import Factory
from workers import sync_location
from workers.runner import Workbench, run_one
from workers.sync_location import candidates


@dataclass
class Shelf:
    """A location where a stranger puts files, and what was read of it."""

    at: str
    put: Callable[[str, bytes], None]
    remove: Callable[[str], None]
    reads: Callable[[], list[str]]
    """The files that were read since this was last asked."""


@pytest.fixture(params=["folder", "bucket"])
def shelf(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shelf]:
    if request.param == "bucket":
        s3: S3 = request.getfixturevalue("s3")
        at = s3.prefix()

        def asked() -> list[str]:
            found = [key.partition("/")[2].partition("/")[2] for key in s3.reads()]
            s3.requests.clear()
            return found

        s3.requests.clear()
        yield Shelf(at, lambda name, data: s3.put(at, name, data),
                    lambda name: s3.delete(at, name), asked)  # fmt: skip
        return
    root = tmp_path / "crawls"
    root.mkdir()
    read: list[str] = []
    whole = FolderLocation.read

    def watched(self: FolderLocation, found: Any, most: int) -> bytes:
        read.append(found.name)
        return whole(self, found, most)

    def put(name: str, data: bytes) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)

    def told() -> list[str]:
        found = list(read)
        read.clear()
        return found

    monkeypatch.setattr(FolderLocation, "read", watched)
    yield Shelf(str(root), put, lambda name: (root / name).unlink(), told)


@dataclass
class Place:
    """A project whose lead syncs."""

    factory: Factory
    bench: Workbench
    client: TestClient

    def sync(self, prefix: str = "", expected: int = 201) -> dict[str, Any]:
        """Ask for it over REST, do it, and give the batch's row."""
        body = {"location": "crawls", "prefix": prefix}
        answer = self.client.post("projects/flowers/syncs", json=body)
        assert answer.status_code == expected, answer.text
        if expected != 201:
            return answer.json()
        with self.factory.sessions() as session:
            job_id = session.scalars(select(Job.id).order_by(Job.id.desc())).first()
        run_one(self.bench, job_id)
        with self.factory.sessions() as session:
            batch = session.get_one(Batch, answer.json()["batch"])
            return {each.name: getattr(batch, each.name) for each in batch.__table__.c}

    def rows(self, query: Any) -> list[Any]:
        with self.factory.sessions() as session:
            return list(session.scalars(query))


@pytest.fixture
def place(alone: Factory, shelf: Shelf, request: pytest.FixtureRequest) -> Place:
    more: dict[str, Any] = {"sync_locations": f"crawls={shelf.at}", "most_image_bytes": 100_000}
    if shelf.at.startswith("s3:"):
        # The pictures go into a bucket, too.
        s3: S3 = request.getfixturevalue("s3")
        more |= s3.given() | {"blobs": s3.prefix()}
    alone.settings = alone.settings.model_copy(update=more)
    with alone.transaction() as session:
        factories.make_project(session, session.get_one(factories.User, alone.lead), "flowers")
    blobs = open_blobs(alone.settings, alone.settings.data_dir)
    client, jobs = alone.client(), MemoryJobs()
    # Nothing listens at the broker.
    client.app.state.context = dataclasses.replace(client.app.state.context, jobs=jobs)
    return Place(alone, Workbench(alone.settings, alone.sessions, blobs, jobs), client)


def told(batch: dict[str, Any]) -> tuple[str, int, int, int, int, dict[str, int]]:
    assert batch["error"] is None
    names = ("state", "done", "stored", "duplicate", "rejected", "reasons")
    return tuple(batch[name] for name in names)


def test_a_second_sync_touches_only_what_is_new_or_changed(place: Place, shelf: Shelf) -> None:
    shelf.put("2026/alps/1.jpg", paint(0, 1))
    shelf.put("2026/alps/1.json", json.dumps({"url": "https://example.org/1.jpg"}).encode())
    shelf.put("2026/alps/2 ä.jpg", paint(0, 2))
    shelf.put("2026/alps/again.jpg", paint(0, 2))
    shelf.put("2026/alps2/3.jpg", paint(0, 3))
    shelf.put("2026/alps/page.jpg", b"<html>no picture</html>" * 9)
    shelf.put("2026/alps/bad.jpg", paint(0, 9))
    shelf.put("2026/alps/bad.txt", b"\xff\xfe")
    shelf.put("2026/alps/large.tif", bytes(200_000))
    shelf.put("2026/alps/more.tar", bytes(2_000))
    shelf.put("2026/alps/nothing.jpg", b"")
    first = place.sync("2026/alps/")
    assert first["name"] == "crawls/2026/alps"
    refused = {"not_an_image": 1, "invalid_sidecar": 1, "too_large": 1, "nested_archive": 1}
    assert told(first) == ("done", 8, 2, 1, 5, refused | {"empty": 1})
    assert (first["received"], first["total"]) == (8, 8)
    # What is too large, or no picture for sure, is not even read.
    read = shelf.reads()
    assert not {name for name in read if name.endswith(("tif", "tar"))}
    assert len(read) == len(set(read))
    (source,) = place.rows(select(Source))
    assert source.url == "https://example.org/1.jpg"
    assert len(place.rows(select(Candidate.image_id))) == 2
    assert "2026/alps/page.jpg" in place.rows(select(BatchRefusal.filename))

    # Nothing has changed: it is listed, and not one file is read.
    assert told(place.sync("2026/alps")) == ("done", 8, 0, 0, 0, {})
    assert shelf.reads() == []
    # All of the location: the rest of it is new.
    assert told(place.sync()) == ("done", 9, 1, 0, 0, {})
    assert [name.rpartition("/")[2] for name in shelf.reads()] == ["3.jpg"]

    # New, changed, a note that was mended, and one that is gone.
    shelf.put("2026/alps/4.jpg", paint(0, 4))
    shelf.put("2026/alps/page.jpg", paint(0, 5))
    shelf.put("2026/alps/bad.txt", b"alps")
    shelf.remove("2026/alps2/3.jpg")
    assert told(place.sync()) == ("done", 9, 3, 0, 0, {})
    names = sorted(name.rpartition("/")[2] for name in shelf.reads())
    assert names == ["4.jpg", "bad.jpg", "bad.txt", "page.jpg"]
    assert place.rows(select(func.count()).select_from(Image)) == [6]


def test_what_is_not_allowed_is_refused(place: Place, shelf: Shelf) -> None:
    shelf.put("a/1.jpg", paint(0, 1))
    names = place.client.get("projects/flowers/sync-locations").json()
    assert names == [{"name": "crawls"}]
    elsewhere = place.client.post("projects/flowers/syncs", json={"location": "elsewhere"})
    assert (elsewhere.status_code, elsewhere.json()["type"]) == (404, "urn:vetted:not-found")
    for prefix in ("../..", "a/../../b", "a//b", "a\\b", "./a", "a\0b", "x" * 1001):
        refused = place.sync(prefix, 422)
        assert refused["fields"][0]["field"] == "prefix"
    waiting = place.client.post("projects/flowers/syncs", json={"location": "crawls"})
    assert waiting.status_code == 201
    assert place.sync("a", 409)["type"] == "urn:vetted:sync-under-way"


def test_a_location_that_does_not_answer_fails_with_a_sentence(
    place: Place, shelf: Shelf, tmp_path: Path
) -> None:
    shelf.put("1.jpg", paint(0, 1))
    gone = "s3://no-such-bucket" if shelf.at.startswith("s3:") else str(tmp_path / "nowhere")
    settings = place.bench.settings
    broken = settings.model_copy(update={"sync_locations": f"crawls={gone}"})
    whole, place.bench = place.bench, dataclasses.replace(place.bench, settings=broken)
    failed = place.sync()
    assert failed["state"] == "failed"
    assert "cannot be listed" in failed["error"]
    assert "\n" not in failed["error"]
    place.bench = whole
    assert told(place.sync())[:3] == ("done", 1, 1)


def test_a_long_sync_leaves_the_worker_to_others(
    place: Place, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_location, "_READ", 2)
    monkeypatch.setattr(sync_location, "_LOOK_EVERY", 0.0)
    for index in range(5):
        shelf.put(f"{index}.jpg", paint(0, index))
    with place.factory.transaction() as session:
        project = session.scalars(select(Project)).one()
        other = factories.make_batch(
            session, project, kind=BatchKind.SYNC, name="other", state=BatchState.QUEUED
        )
        long_ago = datetime.now(UTC) - timedelta(minutes=1)
        waiting = Job(
            kind=JobKind.SYNC_LOCATION, batch_id=other.id, state=JobState.QUEUED, sent_at=long_ago
        )
        session.add(waiting)
    monkeypatch.setattr(sync_location, "_SLICE", 0.0)
    begun = place.sync()
    assert (begun["state"], begun["stored"], shelf.reads()) == ("running", 0, [])
    with place.factory.sessions() as session:
        job = session.scalars(select(Job).where(Job.batch_id == begun["id"])).one()
        assert (job.state, job.lapses) == ("queued", 0)
    with place.factory.transaction() as session:
        session.execute(delete(Job).where(Job.id == waiting.id))
    run_one(place.bench, job.id)
    assert [each.stored for each in place.rows(select(Batch).where(Batch.id == begun["id"]))] == [5]


def test_what_was_taken_down_stays_away_until_that_is_lifted(place: Place, shelf: Shelf) -> None:
    shelf.put("1.jpg", paint(0, 1))
    shelf.put("2.jpg", paint(0, 2))
    assert told(place.sync())[2] == 2
    path = "projects/flowers/takedowns"
    what = hashlib.sha256(paint(0, 1)).hexdigest()
    made = place.client.post(path, json={"what": what, "reason": "asked for"})
    assert made.status_code == 201, made.text
    shelf.put("again.jpg", paint(0, 1))
    assert told(place.sync())[2:] == (0, 0, 1, {"taken_down": 1})
    lifted = place.client.post(f"{path}/{made.json()['id']}/lift")
    assert lifted.status_code == 200, lifted.text
    shelf.reads()
    assert told(place.sync())[2:4] == (1, 1)
    assert sorted(shelf.reads()) == ["1.jpg", "again.jpg"]


def test_what_is_read_counts_against_its_tokens_quota(place: Place, shelf: Shelf) -> None:
    for index in range(3):
        shelf.put(f"{index}.jpg", paint(0, index))
    with place.factory.transaction() as session:
        session.scalars(select(ApiToken)).one().most_images = 3
    assert told(place.sync())[2] == 3
    # What has not changed costs nothing.
    assert told(place.sync())[2] == 0
    shelf.put("more.jpg", paint(0, 9))
    spent = place.sync()
    assert (spent["state"], spent["received"]) == ("failed", 0)
    assert "may bring 3" in spent["error"]


def test_nothing_comes_in_while_the_disk_is_full(place: Place, shelf: Shelf) -> None:
    shelf.put("1.jpg", paint(0, 1))
    bench = place.bench
    full = bench.settings.model_copy(update={"least_free_bytes": 2**60})
    place.bench = dataclasses.replace(bench, settings=full)
    # What goes into a bucket needs no disk here.
    expected = ("done", 1) if bench.settings.blobs else ("running", 0)
    batch = place.sync()
    assert (batch["state"], batch["stored"]) == expected


def test_nothing_leads_out_of_a_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    root = tmp_path / "root"
    (root / "below").mkdir(parents=True)
    (root / "below" / "in.jpg").write_bytes(b"in")
    (root / "out.jpg").symlink_to(outside / "secret.jpg")
    (root / "outside").symlink_to(outside)
    (root / "round").symlink_to(root)
    (root / "twice.jpg").symlink_to(root / "below" / "in.jpg")
    (root / "nowhere.jpg").symlink_to(root / "nothing")
    os.mkfifo(root / "pipe.jpg")
    (root / os.fsdecode(b"half\xff.jpg")).write_bytes(b"half")
    location = FolderLocation(root)
    found = {each.name: each for each in location.listing("")}
    assert {name: location.read(each, 9) for name, each in found.items()} == {
        "below/in.jpg": b"in",
        "twice.jpg": b"in",
        "half\\udcff.jpg": b"half",
    }
    for prefix in ("outside", "below/in.jpg", "nowhere", "round/outside"):
        with pytest.raises(Exception, match=r"no folder within|cannot be listed"):
            list(location.listing(prefix))
    # A link takes the file's place after it was listed.
    (root / "below" / "in.jpg").unlink()
    (root / "below" / "in.jpg").symlink_to(outside / "secret.jpg")
    with pytest.raises(Exception, match="below/in"):
        location.read(found["below/in.jpg"], 9)


def test_notes_are_found_beside_their_pictures() -> None:
    names = ["a.jpg", "a.jpg.json", "a.json", "a.png", "b-1.jpg", "b.jpg", "b.txt", "c.json",
             ".hidden.jpg", "d.npy", "e/"]  # fmt: skip
    listing = [Found(name, name, 1, name) for name in sorted(names)]
    beside = {
        each.found.name: [note.name for note in each.sidecars] for each in candidates(listing)
    }
    assert beside == {
        "a.jpg": ["a.jpg.json"],
        "a.png": ["a.json"],
        "b-1.jpg": [],
        "b.jpg": ["b.txt"],
    }


@pytest.mark.parametrize("text", ["crawls", "=/x", "UP=/x", "a=x", "a=s3://", "a=/x,a=/y"])
def test_locations_that_are_none_stop_the_start(text: str) -> None:
    with pytest.raises(ValueError, match=r"no location|names no bucket"):
        Settings(database_url="", broker_url="", data_dir=Path(), secret_key="k" * 40,
                 sync_locations=text)  # fmt: skip


def test_a_prefix_loses_its_slashes_alone() -> None:
    assert (check_prefix(" /2026/alps/ "), check_prefix("")) == ("2026/alps", "")
    with pytest.raises(InvalidError):
        check_prefix("a/..")
