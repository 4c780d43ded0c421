"""`vetted ingest` against a real server that stops and starts, and clients that are killed."""

import json
import signal
import sqlite3
from contextlib import suppress
from pathlib import Path
from unittest.mock import ANY

import pytest
from sqlalchemy import select

from app.db.tables import Candidate, Source
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
    with place.server.sessions() as session:
        sources = session.scalars(
            select(Source).join(Candidate, Candidate.image_id == Source.image_id)
            .where(Candidate.project_id == place.project_id)
        ).all()  # fmt: skip
    assert {(each.url, each.author, each.licence, tuple(each.tags)) for each in sources} == {
        ("https://a.example/1.jpg", None, "CC BY 4.0", ("gentian",)),
        (None, "B. Otanist", "CC0", ("in bloom",)),
        (None, None, "CC0", ("crawl",)),
    }
    # A second run sends the repaired one and the new one; the summary tells of both runs.
    write(crawl, {"alps/4.json": b"{}", "alps/6.jpg": paint(0, 6)})
    ended, printed = place.run(str(crawl), "--licence", "CC0", "--tag", "crawl")
    assert (ended, place.pooled()) == (3, 5)
    assert "5 stored, 1 there already, 1 rejected." in printed
    place.kill()
    ended, printed = place.run(str(crawl))
    assert ended == 1
    assert "refused" in printed
    assert "Traceback" not in printed


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
