"""Archives over real connections that break: the server is killed, the client stops half-way."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from tusclient.client import TusClient
from tusclient.uploader import Uploader

from app.db.tables import Batch, Job, ResumableUpload
from app.receiving import SYNC_EVERY
from tests.factories import paint
from tests.imports.packing import tarred
from tests.journeys.ingesting import Place
from vetted.client import ArchiveUpload, Client, Patience, uploads
from vetted.ingesting.state import State

pytestmark = pytest.mark.slow

DATA = os.urandom(20_000_000)
TUS = {"Tus-Resumable": "1.0.0"}
CHUNK = 4_000_000


def stored(place: Place) -> bytes:
    """The one archive of the project that is whole."""
    with place.server.sessions() as session:
        batch = session.scalars(select(Batch).where(Batch.project_id == place.project_id)).one()
        session.scalars(select(Job).where(Job.batch_id == batch.id)).one()
    return (place.server.blobs_dir / str(batch.blob_key)).read_bytes()


def received(place: Place) -> int:
    with place.server.sessions() as session:
        mine = ResumableUpload.project_id == place.project_id
        return session.scalars(select(ResumableUpload.received).where(mine)).one()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    file = tmp_path / "crawl.tar"
    file.write_bytes(DATA)
    return file


def test_another_tus_client_resumes_after_the_server_was_killed(
    place: Place, archive: Path
) -> None:
    place.serve()
    headers = {"Authorization": f"Bearer {place.token}"}
    client = TusClient(f"{place.url}/api/v1/projects/{place.project}/uploads", headers)
    first: Uploader = client.uploader(
        str(archive), chunk_size=CHUNK, metadata={"filename": "Größe 花.tar"}
    )
    first.upload(stop_at=2 * CHUNK)
    place.kill()
    place.serve()
    second = client.uploader(str(archive), url=first.url, chunk_size=CHUNK)
    assert second.offset == 2 * CHUNK == received(place)
    second.upload()
    assert stored(place) == DATA
    # The answer to the last piece is lost; so is the client's memory. It asks, and is done.
    third = client.uploader(str(archive), url=first.url, chunk_size=CHUNK)
    assert third.offset == len(DATA)
    third.upload()
    assert stored(place) == DATA


def test_what_was_acknowledged_survives_a_kill_in_the_middle_of_a_request(place: Place) -> None:
    place.serve()
    data = os.urandom(SYNC_EVERY + 9_000_000)

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(data) - 1, 1_000_000):
            yield data[start : min(start + 1_000_000, len(data) - 1)]
        while not received(place):
            pass
        place.kill()
        yield data[-1:]

    path = f"/projects/{place.project}/uploads"
    with Client(place.url, place.token) as client:
        made = client.begin_upload(path, len(data), "")
        with pytest.raises(httpx.TransportError):
            client.add_to_upload(f"{path}/{made['id']}", 0, len(data), pieces())
        place.serve()
        offset = client.get(f"{path}/{made['id']}")["offset"]
        assert SYNC_EVERY <= offset < len(data)
        rest = data[offset:]
        client.add_to_upload(f"{path}/{made['id']}", offset, len(rest), [rest])
    assert stored(place) == data


def test_a_client_that_stops_half_way_keeps_what_was_received(
    place: Place, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PIECE", CHUNK)
    place.serve()
    begun: list[str] = []
    half = len(DATA) // 2

    def break_off(sent: int, _: int) -> None:
        if sent > half:
            raise KeyboardInterrupt

    facts = {"filename": archive.name}
    with Client(place.url, place.token) as client:
        sending = ArchiveUpload(client, place.project, archive, facts, begun=begun.append)
        with pytest.raises(KeyboardInterrupt):
            sending.send(Patience(), break_off)
    sent: list[int] = []

    def restart(offset: int, _: int) -> None:
        if not sent and offset < len(DATA):
            place.kill()
            place.serve()
        sent.append(offset)

    with Client(place.url, place.token) as client:
        again = ArchiveUpload(client, place.project, archive, facts, begun[0], begun.append)
        again.send(Patience(first=0.05), restart)
        # A third time it is not sent at all.
        first = sent[0]
        sent.clear()
        assert again.send(Patience(), restart) > 0
    assert (first > half - CHUNK, sent) == (True, [len(DATA)])
    assert len(begun) == 1
    assert stored(place) == DATA


def test_the_command_sends_an_archive_follows_it_and_is_not_sent_again(place: Place) -> None:
    place.serve()
    folder = place.folder / "crawl"
    folder.mkdir()
    shard = folder / "shard-0001.tar"
    files = {f"{index}.jpg": paint(2, index) for index in range(30)} | {"bad.jpg": b"<html>"}
    shard.write_bytes(tarred(files).read())
    (folder / "single.jpg").write_bytes(paint(2, 99))
    sending = place.begin(str(folder), "--licence", "CC0")
    assert place.work().stored == 30
    printed, _ = sending.communicate(timeout=60)
    assert sending.returncode == 3, printed
    assert "31 stored, 0 there already, 1 rejected." in printed
    assert "bad.jpg" in printed
    ended, again = place.run(str(folder), "--licence", "CC0")
    assert (ended, "31 stored" in again) == (3, True)
    with place.server.sessions() as session:
        kinds = select(Batch.kind).where(Batch.project_id == place.project_id)
        assert sorted(session.scalars(kinds)) == ["archive", "upload"]
    shard.write_bytes(b"<html>" * 1000)
    empty = place.folder / "empty.tar"
    empty.touch()
    sending = place.begin(str(empty), str(shard))
    place.work()
    printed, _ = sending.communicate(timeout=60)
    assert (sending.returncode, "shard-0001.tar: This is no zip and no tar" in printed) == (1, True)
    assert "empty.tar: The archive is empty." in printed
    # There is nothing to go on with: it is sent anew.
    ended, printed = place.run(str(shard), "--no-wait")
    assert (ended, "is batch" in printed) == (0, True)
    with place.server.sessions() as session:
        assert len(session.scalars(kinds).all()) == 4


def test_the_state_survives_names_of_any_kind(tmp_path: Path) -> None:
    with State(tmp_path / "state", "a\udcff") as state:
        state.keep("key", "1")
        assert state.get("key") == "1"
        state.keep("key", None)
        assert (state.get("key"), state.counts().total()) == (None, 0)
