"""`vetted ingest` against a real server that stops and starts, and clients that are killed."""

import json
import signal
import sqlite3
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from unittest.mock import ANY

import pytest
from sqlalchemy import select

from app.db.tables import Batch, Candidate, Source
from app.domain.access import Scope
from app.domain.quota import Quota
from app.usecases.people import create_token
from tests.factories import paint
from tests.journeys.ingesting import Place
from tests.workers.factory import eventually
from vetted.ingesting.state import State

pytestmark = pytest.mark.slow


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def sources(place: Place) -> set[tuple[str | None, str | None, str | None, tuple[str, ...]]]:
    """What is known of where the pool's pictures come from."""
    with place.server.sessions() as session:
        found = session.scalars(
            select(Source).join(Candidate, Candidate.image_id == Source.image_id)
            .where(Candidate.project_id == place.project_id)
        ).all()  # fmt: skip
    return {(each.url, each.author, each.licence, tuple(each.tags)) for each in found}


def test_a_folder_is_sent_with_its_sidecars_and_again_only_what_is_new(place: Place) -> None:
    told = {"url": "https://a.example/1.jpg", "tags": ["gentian"], "license": "CC BY 4.0"}
    crawl = write(
        place.folder / "crawl",
        {
            "alps/1.jpg": paint(0, 1),
            "alps/1.json": json.dumps(told).encode(),
            "alps/Größe 花.jpg": paint(0, 2),
            "alps/Größe 花.txt": b"author: B. Otanist\nin bloom",
            "alps/deep/3.jpg": paint(0, 3),
            "alps/deep/again.jpg": paint(0, 3),
            "alps/page.jpg": b"<html>",
            "alps/4.jpg": paint(0, 4),
            "alps/4.json": b"{",
            ".hidden/5.jpg": paint(0, 5),
        },
    )
    place.serve()
    (crawl / "linked.jpg").symlink_to(crawl / "alps/1.jpg")
    ended, printed = place.run(str(crawl), "--licence", "CC0", "--tag", "crawl")
    assert ended == 3, printed
    assert "3 stored, 1 there already, 2 rejected." in printed
    assert "1 x not_an_image" in printed
    assert "alps/4.jpg: 4.json is no JSON." in printed
    assert sources(place) == {
        ("https://a.example/1.jpg", None, "CC BY 4.0", ("gentian",)),
        (None, "B. Otanist", "CC0", ("in bloom",)),
        (None, None, "CC0", ("crawl",)),
    }
    # A second run sends the repaired one and the new one; the summary tells of both runs.
    write(crawl, {"alps/4.json": b"{}", "alps/6.jpg": paint(0, 6)})
    for told_again in ("The report of crawl: ", "No picture is new."):
        ended, printed = place.run(str(crawl), "--licence", "CC0", "--tag", "crawl")
        assert (ended, place.pooled()) == (3, 5)
        assert "5 stored, 1 there already, 1 rejected." in printed
        assert told_again in printed
    # Each run that sent something is a batch, which can be reported and withdrawn by itself.
    assert batches(place) == [("crawl", "done", 5), ("crawl", "done", 2)]
    place.kill()
    ended, printed = place.run(str(crawl))
    assert (ended, f"{place.url} cannot be reached" in printed) == (4, True)


def batches(place: Place) -> list[tuple[str, str, int]]:
    """Name, state and pictures received of the project's batches."""
    with place.server.sessions() as session:
        rows = select(Batch.name, Batch.state, Batch.received).order_by(Batch.id)
        return [tuple(row) for row in session.execute(rows.filter_by(project_id=place.project_id))]


def test_the_service_may_be_killed_and_started_while_pictures_are_sent(place: Place) -> None:
    crawl = write(
        place.folder / "crawl", {f"{at % 7}/{at}.jpg": paint(at % 5, at) for at in range(600)}
    )
    place.serve()
    sending = place.begin(str(crawl), "--threads", "2")
    for _ in range(2):
        before = place.pooled()
        eventually(lambda before=before: place.pooled() > before)
        assert sending.poll() is None, "it was too quick to be hit"
        place.kill()
        place.serve()
    printed, _ = sending.communicate(timeout=120)
    assert sending.returncode == 0, printed
    assert place.pooled() == 600
    assert "Trying again in" in printed


def test_a_client_that_is_killed_goes_on_where_it_was(place: Place) -> None:
    crawl = write(place.folder / "crawl", {f"{at}.jpg": paint(at % 5, at) for at in range(600)})
    place.serve()
    for end, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        acknowledged = known(place)
        sending = place.begin(str(crawl), "--threads", "2")
        eventually(lambda before=acknowledged: known(place) > before)
        sending.send_signal(end)
        printed, _ = sending.communicate(timeout=60)
        assert sending.returncode == status, printed
        assert acknowledged < known(place) < 600, "it was too quick to be hit"
    assert "Run the same command again" in printed
    assert known(place) <= place.pooled() < 600
    assert place.run(str(crawl)) == (0, ANY)
    assert (known(place), place.pooled()) == (600, 600)
    assert [row[:2] for row in batches(place)] == [("crawl", "done")], "one crawl, one batch"


def test_what_is_left_of_a_quota_is_used_and_the_rest_waits(place: Place) -> None:
    crawl = write(place.folder / "crawl", {f"{at}.jpg": paint(at % 5, at) for at in range(80)})
    place.serve()
    with place.server.sessions.begin() as session:
        who, scopes = f"crawler-of-{place.project}", frozenset({Scope.INGEST})
        place.token = create_token(session, who, "small", scopes, Quota(50, None))
    sending = place.begin(str(crawl), "--threads", "1")
    eventually(lambda: place.pooled() == 50)
    sending.send_signal(signal.SIGINT)
    printed, _ = sending.communicate(timeout=60)
    assert (sending.returncode, place.pooled()) == (130, 50), printed
    assert "50 stored" in printed


def known(place: Place) -> int:
    """How many files the client knows to be acknowledged."""
    if not place.state.exists():
        return 0
    with (
        suppress(sqlite3.OperationalError),
        State(place.state, str(place.folder / "crawl")) as state,
    ):
        return state.counts().total()
    return 0


def test_addresses_are_fetched_by_the_service(place: Place) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.endswith(".jpg")
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "image/jpeg")
            self.end_headers()
            if found:
                self.wfile.write(paint(4, len(self.path)))

        def log_message(self, *_: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=web.serve_forever, daemon=True).start()
    at = f"http://127.0.0.1:{web.server_port}"
    place.serve()
    # What cannot be sent is told before anything is.
    (place.folder / "notes.txt").write_text(at)
    ended, printed = place.run(f"{at}/1.jpg", str(place.folder / "notes.txt"))
    assert (ended, "nor a list (.csv, .jsonl)" in printed, batches(place)) == (1, True, [])
    table = place.folder / "list.csv"
    table.write_text(f"url,licence,tags\n{at}/1.jpg,CC0,\n{at}/gone,CC0,\n{at}/333.jpg,,alps\n")
    said = ("--licence", "CC BY 4.0", "--author", "Ann", "--tag", "crawl", "--tag", "bloom")
    sending = place.begin(str(table), *said)
    place.work()
    printed, _ = sending.communicate(timeout=60)
    assert (sending.returncode, "2 stored, 0 there already, 1 rejected." in printed) == (3, True)
    # A list is sent once; addresses that are named are asked for again.
    ended, printed = place.run(str(table), f"{at}/22.jpg", "--no-wait", *said)
    assert (ended, place.work().stored) == (0, 1)
    assert "addresses is batch" in printed
    # What the list says wins; the options fill what it does not say.
    assert sources(place) == {
        (f"{at}/1.jpg", "Ann", "CC0", ("crawl", "bloom")),
        (f"{at}/333.jpg", "Ann", "CC BY 4.0", ("alps",)),
        (f"{at}/22.jpg", "Ann", "CC BY 4.0", ("crawl", "bloom")),
    }
    web.shutdown()
    web.server_close()


def test_a_location_of_the_server_is_synced(place: Place) -> None:
    write(place.folder / "srv", {f"2026/alps/{at}.jpg": paint(4, 200 + at) for at in range(3)})
    write(place.folder / "srv", {"2026/alps/1.txt": b"licence: CC0"})
    place.serve(VETTED_SYNC_LOCATIONS=f"crawls={place.folder / 'srv'}")
    # A crawler's token follows where a lead has been, and learns nothing of other places.
    crawler = place.token
    for where in ("server:crawls/2026", "server:nowhere", "server:/etc"):
        ended, printed = place.run(where)
        assert (ended, "Ask a lead of the project to sync it once." in printed) == (1, True), (
            printed
        )
    with place.server.sessions.begin() as session:
        scopes = frozenset({Scope.LEAD})
        place.token = create_token(session, f"crawler-of-{place.project}", "lead", scopes)
    sending = place.begin("server:crawls/2026", "--licence", "CC BY 4.0", "--tag", "crawl")
    assert place.work().stored == 3
    printed, _ = sending.communicate(timeout=60)
    assert (sending.returncode, "3 stored" in printed) == (0, True), printed
    assert sources(place) == {(None, None, licence, ("crawl",)) for licence in ("CC0", "CC BY 4.0")}
    place.token = crawler
    for where in ("server:crawls", "server:crawls/202"):
        assert place.run(where)[0] == 1
    sending = place.begin(f"server:{place.folder}/srv/2026/alps")
    assert place.work().received == 0
    assert sending.wait(60) == 0
