"""`vetted ingest` against a real server that stops and starts, and clients that are killed."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from unittest.mock import ANY

import pytest
from sqlalchemy import func, select

from app.db.tables import Candidate, Source
from app.domain.access import Scope
from app.usecases.people import create_token
from tests import factories
from tests.factories import paint
from tests.journeys.conftest import Server, _serve, _wait_for
from tests.workers.factory import eventually
from vetted.embedded.ports import free_port
from vetted.ingesting.state import State

pytestmark = pytest.mark.slow
_numbers = count(1)
COMMAND = "from vetted.cli import main; main()"


@dataclass
class Place:
    """A server of the test's own, which may be killed, and the command beside it."""

    server: Server
    project: str
    project_id: int
    token: str
    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def state(self) -> Path:
        return self.folder / "state.sqlite"

    def serve(self, **settings: str) -> None:
        self.process = _serve(self.port, self.server.settings | settings)
        _wait_for(self.url, self.process)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        where = ("--project", self.project, "--url", self.url, "--state", str(self.state))
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, "ingest", *words, *where],
            env=os.environ | {"VETTED_TOKEN": self.token, "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str]:
        started = self.begin(*words)
        printed, _ = started.communicate(timeout=120)
        return started.returncode, printed

    def pooled(self) -> int:
        """Pictures of the pool."""
        pool = select(func.count()).where(Candidate.project_id == self.project_id)
        with self.server.sessions() as session:
            return session.scalars(pool).one()


@pytest.fixture
def place(server: Server, tmp_path: Path) -> Iterator[Place]:
    slug = f"crawl-{next(_numbers)}"
    with server.sessions.begin() as session:
        lead = factories.make_user(session, f"crawler-of-{slug}", lead=True)
        project_id = factories.make_project(session, lead, slug).id
        token = create_token(session, lead.login, "crawl", frozenset({Scope.INGEST}))
    made = Place(server, slug, project_id, token, tmp_path, free_port())
    yield made
    made.kill()


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
    with suppress(sqlite3.OperationalError), State(place.state) as state:
        return state.counts().total()
    return 0
