"""A lead gives negatives, has a filter trained, and moves its threshold."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.blobs import FolderBlobs
from app.db.tables import Event, Job, Negative, Project
from app.domain.job import JobKind, JobState
from app.settings import Settings
from tests import factories
from tests.factories import paint
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, name_of
from tests.journeys.test_versions import assert_fits
from tests.memory_jobs import MemoryJobs
from workers.runner import Workbench, run_one

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]


def work(server: Server) -> None:
    """Does what waits for the filter."""
    named = {name.removeprefix("VETTED_").lower(): it for name, it in server.settings.items()}
    settings = Settings(**named)  # type: ignore[arg-type]
    bench = Workbench(settings, server.sessions, FolderBlobs(server.blobs_dir), MemoryJobs())
    with server.sessions() as session:
        waiting = session.scalars(
            select(Job.id).where(Job.kind == JobKind.TRAIN_FILTER, Job.state == JobState.QUEUED)
        ).all()
    for job_id in waiting:
        run_one(bench, job_id)


def given_filter(server: Server, made: factories.Labeling, scores: list[float]) -> list[str]:
    with server.sessions.begin() as session:
        project = session.get_one(Project, made.project_id)
        return factories.make_filter(session, FolderBlobs(server.blobs_dir), project, scores)


def zipped(count: int) -> bytes:
    """Pictures of another hue: stored, deflated, and what a Mac leaves beside them."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for index in range(count):
            how = zipfile.ZIP_DEFLATED if index % 2 else zipfile.ZIP_STORED
            archive.writestr(f"stränge/{index}.jpg", paint(6, 700 + index), how)
        archive.writestr("__MACOSX/._0.jpg", b"x")
        archive.writestr("stränge/page.jpg", b"<html>", zipfile.ZIP_DEFLATED)
    return target.getvalue()


def number(page: Page, name: str) -> int:
    return int("".join(filter(str.isdigit, page.locator(f"#{name}").inner_text())))


def test_negatives_are_given_and_a_filter_is_trained(
    server: Server, visit: Visit, labeling: Make, tmp_path: Path
) -> None:
    made = labeling(proposals=2, exemplars=6)
    page = visit(f"/projects/{made.slug}/pool", login_of("lena", made))
    page.get_by_role("navigation", name="Pool").get_by_role("link", name="Coarse filter").click()
    expect(page.get_by_role("heading", name="No coarse filter yet")).to_be_visible()
    expect(page.get_by_text("needs at least 10 negatives; there are 0.")).to_be_visible()
    expect(page.locator("#choose-pictures")).to_be_enabled()
    expect(page.locator("#train")).to_be_disabled()
    archive = tmp_path / "strangers.zip"
    archive.write_bytes(zipped(20))
    page.set_input_files("#pictures", archive)
    expect(page.locator("#sent")).to_contain_text("20 negatives added. 1 file was left out:")
    expect(page.locator("#how-many")).to_contain_text("20 negatives")
    page.locator("[data-take-back]").first.click()
    expect(page.locator("#how-many")).to_contain_text("19 negatives")
    page.set_input_files(
        "#pictures", files=[{"name": "no.zip", "mimeType": "", "buffer": b"PK nonsense"}]
    )
    expect(page.get_by_role("alert")).to_contain_text("Unpack the archive")
    page.locator("#train").click()
    expect(page.get_by_role("heading", name="A coarse filter is at work")).to_be_visible()
    # Whoever uses the keyboard stays where they are.
    expect(page.locator("#stop-filter")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No coarse filter yet")).to_be_visible()
    expect(page.locator("#train")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="A coarse filter is at work")).to_be_visible()
    work(server)
    # The threshold comes with the first filter.
    expect(page.get_by_role("slider", name="Threshold")).to_be_enabled()
    expect(page.get_by_text("Area under the ROC curve")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the file").click()
    page.set_input_files("#filter-file", download.value.path())
    expect(page.get_by_role("heading", name="A coarse filter is at work")).to_be_visible()
    work(server)
    expect(page.get_by_text("Taken from a file on")).to_be_visible()
    page.set_input_files(
        "#filter-file", files=[{"name": "a.safetensors", "mimeType": "", "buffer": b"no"}]
    )
    expect(page.locator("#filter-refusal")).to_contain_text("not the file of a coarse filter")


def test_a_threshold_is_tried_by_keyboard_saved_and_strangers_are_marked(
    server: Server, visit: Visit, labeling: Make
) -> None:
    made = labeling(proposals=1)
    hashes = given_filter(server, made, [0.305 + index / 100 for index in range(40)])
    page = visit(f"/projects/{made.slug}/pool/filter", login_of("lena", made))
    slider = page.get_by_role("slider", name="Threshold")
    expect(slider).to_be_enabled()
    kept, filtered = number(page, "kept"), number(page, "filtered")
    assert filtered == 20
    expect(page.locator("#above li")).to_have_count(12)
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#chosen")).to_have_text("0.47")
    expect(page.locator("#come")).to_have_text("3 come back")
    assert (number(page, "kept"), number(page, "filtered")) == (kept + 3, 17)
    expect(slider).to_have_attribute("aria-valuetext", "0.47")
    # Pictures follow the threshold.
    expect(page.locator("#below")).not_to_contain_text("0.495")
    page.get_by_role("button", name="Back to what is saved").click()
    expect(page.locator("#chosen")).to_have_text("0.50")
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Save the threshold").click()
    expect(page.locator("#saved")).to_have_text("Saved.")
    expect(page.get_by_role("button", name="Save the threshold")).to_be_disabled()
    with server.sessions() as session:
        assert session.get_one(Project, made.project_id).domain_threshold == 0.51
        last = session.scalars(
            select(Event).where(Event.project_id == made.project_id).order_by(Event.id.desc())
        ).first()
    assert last is not None
    assert last.verb == "move-threshold"
    page.get_by_role("button", name="Use no filter").click()
    expect(page.get_by_text("It is out of force: at a threshold of 0")).to_be_visible()
    expect(page.locator("#filtered")).to_have_text("0")
    expect(page.get_by_role("button", name="Use no filter")).to_be_disabled()
    for _ in range(51):
        page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Save the threshold").click()
    expect(page.locator("#saved")).to_have_text("Saved.")
    page.locator("#below [data-mark]").first.click()
    expect(page.locator("#marked")).to_contain_text("It is a negative now.")
    expect(page.locator("#how-many")).to_contain_text("marked in the pool 1")
    with server.sessions() as session:
        marked = session.scalars(
            select(Negative).where(Negative.project_id == made.project_id)
        ).one()
    assert marked.from_pool
    assert hashes


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_the_page_is_accessible_and_fits(
    server: Server, visit: Visit, labeling: Make, look: dict[str, object]
) -> None:
    made = labeling(proposals=1)
    given_filter(server, made, [index / 60 for index in range(60)])
    page = visit(f"/projects/{made.slug}/pool/filter", login_of("lena", made), **look)
    expect(page.locator("#threshold")).to_be_enabled()
    expect(page.locator("#above li")).to_have_count(12)
    assert_fits(page)
    assert_accessible(page)
