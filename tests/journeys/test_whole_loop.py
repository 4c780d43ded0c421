"""The whole job of the product: every process real, every click real, two rounds."""

import io
import os
import signal
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.domain.access import Scope
from app.usecases.people import add_user, create_token
from migrations.run import upgrade
from tests.factories import PASSWORD
from tests.journeys import seat
from vetted.client import Client
from vetted.database import session_at
from vetted.demo import loop
from vetted.demo.drawing import SPECIES, draw
from vetted.demo.folder import Folder, divide
from vetted.embedded.stack import Stack, throw_away_dir

pytestmark = pytest.mark.slow
PROJECT = "meadow"
MACHINE_PATIENCE = 120_000
"""Milliseconds that the workers may take to embed, train and score."""


@dataclass(frozen=True)
class Meadow:
    """A running product with a seeded project, and the truth of its pool."""

    stack: Stack
    lead: Client
    folder: Folder


@pytest.fixture(scope="module")
def meadow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meadow]:
    folder = divide(_drawn(tmp_path_factory.mktemp("drawn")), seeds=4)
    with (
        throw_away_dir("vetted-loop-") as data_dir,
        Stack(data_dir, migrate=upgrade, durable=False) as stack,
    ):
        with session_at(stack.database_url) as session:
            add_user(session, "lena", "Lena", PASSWORD, may_create_projects=True)
            add_user(session, "ada", "Ada", PASSWORD, may_create_projects=False)
            token = create_token(session, "lena", "test", frozenset(Scope))
        with Client(stack.url, token) as lead:
            _seed(lead, folder)
            yield Meadow(stack, lead, folder)


def _drawn(root: Path) -> Path:
    for species in SPECIES[::4][:4]:
        (root / species.slug).mkdir()
        for index in range(14):
            draw(species, index).save(root / species.slug / f"{index:02}.jpg", quality=88)
    return root


def _seed(lead: Client, folder: Folder) -> None:
    plan = {"slug": PROJECT, "name": "Meadow", "backbone": "filterbank", "threshold": 0.3}
    loop.create_project(lead, plan)
    lead.put(f"/projects/{PROJECT}/members/ada", {"role": "labeler"})
    loop.seed(lead, PROJECT, folder, lambda *_: None)
    counts = loop.ingest(lead, PROJECT, folder.pool, lambda *_: None)
    assert counts == {"stored": len(folder.pool), "duplicate": 0, "rejected": 0}


def sign_in(browser: Browser, url: str, login: str, path: str) -> Page:
    page = browser.new_context(base_url=url).new_page()
    page.goto(path)
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{path}")
    return page


def label_everything(page: Page, truth: dict[str, str]) -> dict[str, int]:
    """Answer each proposal rightly, by key, and count the answers."""
    given = {"y": 0, "n": 0}
    while seat.shown(page) is not None:
        source = page.locator("#candidate img").first.get_attribute("src") or ""
        asked = page.locator("#category").inner_text()
        key = "y" if truth.get(_hash_in(source)) == asked else "n"
        seat.answer(page, key)
        given[key] += 1
    seat.all_saved(page)
    return given


def _hash_in(url: str) -> str:
    return next(part for part in url.split("/") if len(part) == 64)


def test_two_rounds_from_seeds_to_export(meadow: Meadow, chromium: Browser) -> None:
    stack, truth = meadow.stack, meadow.folder.truth()
    lead = sign_in(chromium, stack.url, "lena", f"/projects/{PROJECT}")
    lead.locator("#start").click()
    # The machine's work survives the death of the worker that does it.
    lead.wait_for_selector("#current")
    killed = stack.pid_of("compute1")
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    decided = lead.locator("#decided")
    expect(decided).to_contain_text("0 of", timeout=MACHINE_PATIENCE)
    assert stack.pid_of("compute1") != killed

    ada = sign_in(chromium, stack.url, "ada", f"/projects/{PROJECT}/label")
    given = label_everything(ada, truth)
    total = sum(given.values())
    expect(decided).to_contain_text(f"{total} of {total}")

    first = meadow.lead.get(f"/projects/{PROJECT}/rounds/1")
    assert (first["yes"], first["no"]) == (given["y"], given["n"])
    assert given["y"] > given["n"]
    lead.locator("[data-opens=close-dialog]").click()
    lead.locator("[data-ends=close]").click()
    expect(lead.locator("#start")).to_contain_text("Start round 2")
    counts = [each["counts"] for each in meadow.lead.get(f"/projects/{PROJECT}/categories")]
    assert sum(each["train"] for each in counts) == 4 * 4 + given["y"]
    assert sum(each["hard_negatives"] for each in counts) == given["n"]

    lead.locator("#start").click()
    expect(decided).to_contain_text("0 of", timeout=MACHINE_PATIENCE)
    second = meadow.lead.get(f"/projects/{PROJECT}/rounds/2")
    assert second["trained_on"] == 2
    assert second["tested_on"] == first["tested_on"] == 4 * 2
    _check_export(lead, counts)


def _check_export(lead: Page, counts: list[dict[str, int]]) -> None:
    with lead.expect_download() as downloading:
        lead.locator("a[download]").first.click()
    archive = zipfile.ZipFile(io.BytesIO(Path(downloading.value.path()).read_bytes()))
    assert archive.testzip() is None
    parts = [name.split("/")[0] for name in archive.namelist() if "/" in name]
    for part in ("train", "test", "hard_negatives"):
        assert parts.count(part) == sum(each[part] for each in counts)
