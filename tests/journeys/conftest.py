"""The real server in a process of its own, and people with real browsers in front of it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy.orm import Session, sessionmaker

from app import secrets
from app.api.dependencies import COOKIE
from app.db.session import make_engine, make_sessions
from app.domain.access import Scope
from app.usecases import people
from tests import factories
from tests.conftest import _new_database, _text
from vetted.embedded.ports import free_port
from vetted.embedded.postgres import Postgres
from vetted.embedded.valkey import Valkey

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
START = 60
"""Seconds that the server may take to answer first."""
PATIENCE = 15_000
"""Milliseconds that a page may take for anything."""

_numbers = count(1)


@dataclass(frozen=True)
class Server:
    """Where the application answers, its database, and the settings of its process."""

    url: str
    sessions: sessionmaker[Session]
    blobs_dir: Path
    settings: dict[str, str]


@pytest.fixture(scope="session")
def server(
    postgres_server: Postgres,
    migrated_template: str,
    valkey_server: Valkey,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """The application, served by uvicorn to all journeys; each has a project of its own."""
    data_dir = tmp_path_factory.mktemp("data")
    with _new_database(postgres_server, migrated_template) as url:
        database_url = _text(url)
        engine = make_engine(database_url, connections=4)
        settings = {
            "VETTED_DATABASE_URL": database_url,
            "VETTED_BROKER_URL": valkey_server.url,
            "VETTED_DATA_DIR": str(data_dir),
            "VETTED_SECRET_KEY": "k" * 40,
            "VETTED_PRIVATE_HOSTS": "127.0.0.1",
            "VETTED_SYNC_LOCATIONS": f"crawls={data_dir}/crawls,old-server=s3://old-server/2025",
        }
        port = free_port()
        process = _serve(port, settings)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process)
            yield Server(address, make_sessions(engine), data_dir / "blobs", settings)
        finally:
            process.terminate()
            process.wait(timeout=20)
            engine.dispose()


def _serve(port: int, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app"]
    options = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    return subprocess.Popen([*command, *options], env=os.environ | settings)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end:
        assert process.poll() is None, "the server ended before it answered"
        try:
            if httpx.get(f"{url}/healthz", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail(f"the server did not answer within {START} seconds")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium of this machine.

    Of each module its own: the driver's event loop runs in this thread until it ends, and tests of
    other modules in the same process run loops of their own.
    """
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium here: install one (Debian: apt-get install chromium)")
    # Chromium refuses its sandbox to root; the pages are our own.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def labeling(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., factories.Labeling]:
    """Makes a project in labeling with a lead `lena-N` and labelers `ada-N` and `bert-N`."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(secrets, "_HASHER", quick)

    def make(**options: Any) -> factories.Labeling:
        number = next(_numbers)
        with server.sessions.begin() as session:
            lead = factories.make_user(session, f"lena-{number}", lead=True)
            labelers = [
                factories.make_user(session, f"{name}-{number}") for name in ("ada", "bert")
            ]
            project = factories.make_project(
                session, lead, f"flowers-{number}", name="Meadow flowers", labelers=labelers
            )
            return factories.make_labeling(session, server.blobs_dir, project, **options)

    return make


@pytest.fixture
def place(server: Server, tmp_path: Path) -> Iterator[Any]:
    """A project of its own, and a server that is not started yet."""
    slug = f"crawl-{next(_numbers)}"
    with server.sessions.begin() as session:
        lead = factories.make_user(session, f"crawler-of-{slug}", lead=True)
        project_id = factories.make_project(session, lead, slug).id
        token = people.create_token(session, lead.login, "crawl", frozenset({Scope.INGEST}))
    from tests.journeys.ingesting import Place  # noqa: PLC0415 - it needs this module

    made = Place(server, slug, project_id, token, tmp_path, free_port())
    yield made
    made.kill()


def login_of(name: str, labeling: factories.Labeling) -> str:
    return f"{name}-{labeling.slug.rsplit('-', 1)[1]}"


Visit = Callable[..., Page]


@pytest.fixture
def visit(server: Server, chromium: Browser) -> Iterator[Visit]:
    """Opens a page in a browser profile of its own, signed in as `login` where one is given.

    A script error or a refused inline script fails the test.
    """
    contexts, faults = [], []

    def open_page(path: str, login: str | None = None, **options: object) -> Page:
        context = chromium.new_context(base_url=server.url, **options)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        if login is not None:
            context.add_cookies(
                [{"name": COOKIE, "value": _session(server, login), "url": server.url}]
            )
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: _note_refusal(said.text, faults))
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults


def _note_refusal(text: str, faults: list[str]) -> None:
    if "Content Security Policy" in text:
        faults.append(text)


def _session(server: Server, login: str) -> str:
    with server.sessions.begin() as session:
        return people.sign_in(session, login, factories.PASSWORD, datetime.now(UTC))


STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
FINDINGS = """async (tags) => {
    const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags } });
    return violations.flatMap(({ id, help, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${help}\\n${html}\\n${failureSummary}`));
}"""


@cache
def _axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text()


def assert_accessible(page: Page) -> None:
    """The page as it is now breaks no rule of WCAG 2.2 A and AA that axe-core can check.

    Colours and sizes are judged as they are in the end: what moves is waited for.
    """
    page.evaluate(
        """() => Promise.all(document.getAnimations()
            .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
            .map((each) => each.finished.catch(() => null)))"""
    )
    page.evaluate(_axe())
    findings = page.evaluate(FINDINGS, STANDARD)
    assert not findings, "\n\n".join(findings)
