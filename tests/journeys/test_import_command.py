"""`vetted import` against a real server, with pictures of this machine and of a small web."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import Result
from sqlalchemy import select
from typer.testing import CliRunner

from app.db.tables import Category, Example, Image, Project, Source
from app.domain.access import Scope
from app.usecases.people import create_token
from tests import factories
from tests.factories import paint
from tests.imports.packing import flowers, tarred
from tests.journeys.conftest import Server, login_of
from vetted.cli import main
from vetted.importing import fetch

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]
Run = Callable[..., Result]


@pytest.fixture
def made(labeling: Make) -> factories.Labeling:
    return labeling(proposals=1)


@pytest.fixture
def run(server: Server, made: factories.Labeling) -> Run:
    """Runs the command as the project's lead."""
    with server.sessions.begin() as session:
        scopes = frozenset({Scope.LEAD, Scope.INGEST})
        token = create_token(session, login_of("lena", made), "import", scopes)

    def call(path: Path, *words: str) -> Result:
        place = ("--project", made.slug, "--url", server.url)
        return CliRunner().invoke(
            main, ["import", str(path), *place, *words], env={"VETTED_TOKEN": token}
        )

    return call


def held(server: Server, made: factories.Labeling) -> Counter[tuple[str, str]]:
    """New examples by category and split: the fixture's are in train, seven with them."""
    with server.sessions() as session:
        rows = session.execute(
            select(Category.name, Example.split)
            .join(Category, Category.id == Example.category_id)
            .where(Example.project_id == made.project_id)
        )
        return Counter((name, split) for name, split in rows)


def unpack(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_folder_is_told_pushed_and_pushed_again(
    server: Server, made: factories.Labeling, run: Run, tmp_path: Path
) -> None:
    files = {name: paint(3, 500 + at) for at, name in enumerate(flowers())}
    files |= {"flowers/train/Rose/no.jpg": b"<html>", "flowers/train/_old/1.jpg": paint(3, 600)}
    folder = unpack(tmp_path / "in", files)
    before = held(server, made)
    told = run(folder, "--dry-run")
    assert told.exit_code == 0, told.output
    assert "Rose (new)" in told.output
    assert "1 x no_category" in told.output
    assert held(server, made) == before
    first = run(folder)
    assert first.exit_code == 0, first.output
    assert "6 stored, 0 there already, 2 left out." in first.output
    assert "flowers/train/Rose/no.jpg: not_an_image" in first.output
    assert held(server, made) - before == {
        ("Spring gentian", "train"): 2,
        ("Spring gentian", "test"): 1,
        ("Alpine aster", "train"): 2,
        ("Alpine aster", "test"): 1,
    }
    again = run(folder)
    assert "0 stored, 6 there already, 2 left out." in again.output
    pooled = run(folder, "--pool", "--rest", "pool")
    assert "1 stored, 6 there already, 1 left out." in pooled.output


def test_an_archive_is_divided_by_the_projects_rule_the_same_each_time(
    server: Server, made: factories.Labeling, run: Run, tmp_path: Path
) -> None:
    with server.sessions.begin() as session:
        project = session.get_one(Project, made.project_id)
        project.test_percent, project.most_tests, project.least_train = 50, 4, 1
    files = {f"Rose/{index}.jpg": paint(4, 500 + index) for index in range(6)}
    archive = tmp_path / "roses.tar.gz"
    archive.write_bytes(tarred(files, "w:gz").read())
    for _ in range(2):
        result = run(archive)
        assert result.exit_code == 0, result.output
        found = held(server, made)
        assert (found["Rose", "train"], found["Rose", "test"]) == (3, 3)


@pytest.fixture
def web() -> Iterator[tuple[str, Counter[str]]]:
    """A small web: its address, and how often each path was asked for."""
    asked: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked[self.path] += 1
            if self.path == "/gone.jpg":
                self.send_error(404)
            elif self.path == "/late.jpg" and asked[self.path] == 1:
                self.send_error(503)
            elif self.path == "/moved.jpg":
                self.send_response(302)
                self.send_header("Location", "/there.jpg")
                self.end_headers()
            else:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(paint(5, 500 + len(self.path)))

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}", asked
    listening.shutdown()
    listening.server_close()


def test_a_table_names_files_beside_it_anywhere_and_on_the_web(
    server: Server,
    made: factories.Labeling,
    run: Run,
    tmp_path: Path,
    web: tuple[str, Counter[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetch.Fetcher.__init__, "__defaults__", (0.01,))
    address, asked = web
    unpack(tmp_path, {"in/near/1.jpg": paint(5, 1), "far/2.jpg": paint(5, 2), "in/x.jpg": b"?"})
    rows = [
        ("near/1.jpg", "Rose", "train", ""),
        (str(tmp_path / "far" / "2.jpg"), "Rose", "test", "CC0"),
        (f"{address}/late.jpg", "Rose", "train", "CC BY"),
        (f"{address}/moved.jpg", "Rose", "train", ""),
        (f"{address}/gone.jpg", "Rose", "train", ""),
        ("missing.jpg", "Rose", "train", ""),
        ("ftp://127.0.0.1/3.jpg", "Rose", "train", ""),
    ]
    table = tmp_path / "in" / "roses.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("path", "category", "split", "licence"), *rows])
    kept = ("--keep", str(tmp_path / "kept"))
    result = run(table, *kept)
    assert result.exit_code == 0, result.output
    assert "4 stored, 0 there already, 3 left out." in result.output
    assert "fetch_failed: the address answers 404" in result.output
    assert "missing.jpg: not_in_archive" in result.output
    assert "only http and https addresses are fetched" in result.output
    found = held(server, made)
    assert (found["Rose", "train"], found["Rose", "test"]) == (3, 1)
    with server.sessions() as session:
        licences = session.scalars(
            select(Source.licence).join(Image).where(Image.project_id == made.project_id)
        ).all()
        urls = session.scalars(
            select(Source.url).join(Image).where(Image.project_id == made.project_id)
        ).all()
    assert set(licences) >= {"CC0", "CC BY"}
    assert set(urls) >= {f"{address}/late.jpg", f"{address}/moved.jpg"}
    assert asked["/late.jpg"] == 2
    again = run(table, *kept)
    assert "0 stored, 4 there already, 3 left out." in again.output
    assert (asked["/late.jpg"], asked["/gone.jpg"]) == (2, 2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--project", "nowhere"), "There is no project 'nowhere' here."),
        (("--format", "coco"), "There is no annotation file here"),
        (("--url", "http://127.0.0.1:9"), "refused"),
    ],
)
def test_a_refusal_is_a_sentence(
    server: Server, run: Run, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    assert server.url
    result = run(unpack(tmp_path, {"Rose/1.jpg": paint(6, 1)}), *words)
    assert result.exit_code == 1
    assert says in result.output
    assert "Traceback" not in result.output
