"""A lead brings an archive and a folder, sees what would happen, and imports them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from app.blobs import FolderBlobs
from app.db.tables import Category, Example, Image, Job, Project
from app.domain.job import JobKind, JobState
from app.settings import Settings
from tests import factories
from tests.factories import paint
from tests.imports.packing import flowers, zipped
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, name_of
from tests.journeys.test_versions import assert_fits
from tests.memory_jobs import MemoryJobs
from workers.runner import Workbench, run_one

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]


def work(server: Server) -> None:
    """Does the imports that wait for a worker."""
    named = {name.removeprefix("VETTED_").lower(): it for name, it in server.settings.items()}
    settings = Settings(**named)  # type: ignore[arg-type]
    bench = Workbench(settings, server.sessions, FolderBlobs(server.blobs_dir), MemoryJobs())
    with server.sessions() as session:
        waiting = session.scalars(
            select(Job.id).where(Job.kind == JobKind.IMPORT_IMAGES, Job.state == JobState.QUEUED)
        ).all()
    for job_id in waiting:
        run_one(bench, job_id)


def held(server: Server, slug: str) -> dict[tuple[str, str], int]:
    """How many examples by category and split."""
    with server.sessions() as session:
        rows = session.execute(
            select(Category.name, Example.split, func.count())
            .join(Category, Category.id == Example.category_id)
            .join(Project, Project.id == Example.project_id)
            .join(Image, Image.id == Example.image_id)
            .where(Project.slug == slug)
            .group_by(Category.name, Example.split)
        )
        return {(name, split): number for name, split, number in rows}


def fact(page: Page, label: str) -> str:
    return page.locator(".numbers div", has_text=label).locator(".figure").inner_text()


def choose(page: Page, field: str, path: Path) -> None:
    """Choose a file as soon as a person could: the buttons wait for the script."""
    expect(page.locator("#choose-archive")).to_be_enabled()
    page.set_input_files(field, path)


def test_a_zip_is_looked_at_changed_and_imported_while_the_page_shows_how_far(
    server: Server, visit: Visit, labeling: Make, tmp_path: Path
) -> None:
    made = labeling(proposals=1)
    pictures = {name: paint(7, 900 + at) for at, name in enumerate(flowers())}
    archive = tmp_path / "flowers.zip"
    archive.write_bytes(zipped(pictures | {"flowers/train/Rose/no.jpg": b"<html>"}).read())
    page = visit(f"/projects/{made.slug}/import", login_of("lena", made))
    page.get_by_role("navigation", name="Lead").get_by_role("link", name="Import").click()
    choose(page, "#archive", tmp_path / "flowers.zip")
    expect(page.get_by_role("heading", name="Not started")).to_be_visible()
    assert fact(page, "Examples") == "7"
    expect(page.get_by_role("row", name="Rose new 1 0")).to_be_visible()
    expect(page.get_by_role("row", name="Spring gentian 2 1")).to_be_visible()
    page.get_by_label("Make the categories").uncheck()
    expect(page.get_by_text("The project does not have these categories: Rose.")).to_be_visible()
    expect(page.get_by_role("row", name="Rose new 1 0")).to_have_count(0)
    page.get_by_label("Make the categories").check()
    # A format that it is not in is refused with a sentence, and is not chosen.
    page.get_by_label("Format").select_option("coco")
    expect(page.get_by_role("alert")).to_contain_text("There is no annotation file here")
    expect(page.get_by_label("Format")).to_have_value("imagefolder")
    page.get_by_role("button", name="Import 7 pictures").click()
    expect(page.get_by_role("heading", name="Importing")).to_be_visible()
    work(server)
    expect(page.get_by_role("heading", name="Imported")).to_be_visible()
    assert (fact(page, "Train split"), fact(page, "Test split"), fact(page, "Left out")) == (
        "4",
        "2",
        "1",
    )
    refused = page.get_by_role("row", name="flowers/train/Rose/no.jpg")
    expect(refused).to_contain_text("It is no picture. This is a web page")
    assert held(server, made.slug)["Spring gentian", "test"] == 1
    page.get_by_role("navigation", name="Lead").get_by_role("link", name="Import").click()
    expect(page.get_by_role("row", name="flowers.zip Imported 6 1")).to_be_visible()
    expect(page.locator("#choose-archive")).to_be_enabled()
    page.set_input_files(
        "#archive", files=[{"name": "a.rar", "mimeType": "", "buffer": b"Rar!\x1a\x07"}]
    )
    expect(page.get_by_role("alert")).to_contain_text("Pack the folder as zip or tar.")
    expect(page.get_by_role("button", name="Send again")).to_be_visible()


def test_a_folder_is_sent_as_it_lies_there(
    server: Server, visit: Visit, labeling: Make, tmp_path: Path
) -> None:
    made = labeling(proposals=1)
    folder = tmp_path / "Blüten"
    deep = "x" * 90
    for at, name in enumerate(
        ["Spring gentian/a.jpg", f"Alpine aster/{deep}/{deep}.jpg", "Röschen 花/b c.jpg"]
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(paint(9, 700 + at))
    (folder / ".DS_Store").write_bytes(b"x")
    page = visit(f"/projects/{made.slug}/import", login_of("lena", made))
    choose(page, "#folder", folder)
    expect(page.get_by_role("heading", name="Blüten.tar")).to_be_visible()
    page.get_by_label("Train and test").select_option("test")
    expect(page.get_by_role("row", name="Röschen 花 new 0 1")).to_be_visible()
    page.get_by_role("button", name="Import 3 pictures").click()
    expect(page.get_by_role("heading", name="Importing")).to_be_visible()
    work(server)
    expect(page.get_by_role("heading", name="Imported")).to_be_visible()
    tests = {name for name, split in held(server, made.slug) if split == "test"}
    assert tests == {"Spring gentian", "Alpine aster", "Röschen 花"}


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_the_pages_are_accessible_and_fit(
    server: Server, visit: Visit, labeling: Make, tmp_path: Path, look: dict[str, object]
) -> None:
    made = labeling(proposals=1)
    archive = tmp_path / "meadow.zip"
    lost = {f"flowers/{'long' * 12}-{at}.zip": b"PK" for at in range(3)}
    archive.write_bytes(zipped(flowers() | lost | {"flowers/train/Rose/1.jpg": b"no"}).read())
    page = visit(f"/projects/{made.slug}/import", login_of("lena", made), **look)
    page.locator("summary").click()
    assert_fits(page)
    assert_accessible(page)
    choose(page, "#archive", archive)
    start = page.locator("[data-act=start]")
    expect(start).to_be_enabled()
    assert_fits(page)
    assert_accessible(page)
    start.click()
    expect(page.locator("#state")).to_have_attribute("data-state", "running")
    assert_accessible(page)
    work(server)
    expect(page.locator("#state")).to_have_attribute("data-state", "done")
    assert_fits(page)
    assert_accessible(page)
