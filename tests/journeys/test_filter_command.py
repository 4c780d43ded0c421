"""`vetted filter negatives` against a real server."""

import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import select
from typer.testing import CliRunner

from app.db.tables import Image, Negative, Source
from app.domain.access import Scope
from app.usecases.people import create_token
from tests import factories
from tests.factories import paint
from tests.journeys.conftest import Server, login_of
from vetted.cli import main

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
        token = create_token(session, login_of("lena", made), "filter", frozenset({Scope.LEAD}))

    def call(*words: str) -> Result:
        place = ("--project", made.slug, "--url", server.url)
        environment = {"VETTED_TOKEN": token}
        return CliRunner().invoke(main, ["filter", "negatives", *words, *place], env=environment)

    return call


def folder(root: Path, *names: str) -> Path:
    for index, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(paint(5, 300 + index))
    return root


def test_a_folder_is_sent_once_and_a_generic_set_without_what_is_in_the_domain(
    server: Server, made: factories.Labeling, run: Run, tmp_path: Path
) -> None:
    own = folder(tmp_path / "own", "cats/1.jpg", "cats/2.jpg", "3.jpg")
    (own / "broken.jpg").write_bytes(b"<html>")
    told = run(str(own))
    assert told.exit_code == 0, told.output
    assert "3 stored" in told.output
    assert "3 duplicate" in run(str(own)).output
    classes = tmp_path / "caltech101" / "101_ObjectCategories"
    names = [
        f"{name}/image_{at}.jpg" for name in ("ant", "lotus", "BACKGROUND_Google") for at in (1, 2)
    ]
    folder(classes, *["pad/0.jpg"] * 40, *names)
    (classes / "pad" / "0.jpg").unlink()
    generic = ("--generic", "--keep", str(tmp_path), "--leave-out", "lotus")
    told = run(*generic, "--each", "1")
    assert told.exit_code == 0, told.output
    assert "1 stored" in told.output
    assert "Its classes are: ant, lotus, pad." in run(*generic, "--leave-out", "rose").output
    with server.sessions() as session:
        rows = session.execute(
            select(Negative.origin, Source.licence)
            .join(Image, Image.id == Negative.image_id)
            .outerjoin(Source, Source.image_id == Image.id)
            .where(Negative.project_id == made.project_id)
            .order_by(Negative.origin)
        ).all()
    assert rows == [("generic", "CC BY 4.0"), *[("given", None)] * 3]


def test_what_cannot_be_had_is_told_with_what_to_do(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens there; torchvision asks through it.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setattr(urllib.request, "_opener", None)
    told = run("--generic", "--keep", str(tmp_path / "cache"))
    assert told.exit_code == 1
    assert "could not be downloaded" in told.output
    assert "101_ObjectCategories" in told.output
    assert "Traceback" not in told.output
    assert "one of the two" in run().output
    assert "There are no pictures in" in run(str(tmp_path)).output
