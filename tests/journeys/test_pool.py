"""A lead watches batches come in, stops one, and reads the report of another."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select, update

from app.db.session import database_now
from app.db.tables import (
    Address,
    Batch,
    BatchImage,
    BatchRefusal,
    Candidate,
    Job,
    Project,
    Proposal,
)
from app.domain.batch import BatchKind, BatchState
from app.domain.fetching import key_of
from app.usecases.rounds.end_round import close_round
from tests import factories
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, name_of
from tests.journeys.test_versions import assert_fits
from tests.moving import move_batches

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]
LONG = "crawl-of-the-flowers-of-the-alps-and-all-that-grows-beside-them-week-12.tar"


def bring(server: Server, made: factories.Labeling) -> tuple[int, int]:
    """An archive that is coming in, and an upload that brought the pictures of the open round."""
    with server.sessions.begin() as session:
        project = session.get_one(Project, made.project_id)
        running = factories.make_batch(
            session,
            project,
            name=LONG,
            state=BatchState.RUNNING,
            total=5000,
            done=1200,
            received=1200,
            stored=1100,
            duplicate=60,
            rejected=40,
            reasons={"truncated": 25, "not_an_image": 15},
        )
        session.add_all(
            BatchRefusal(
                batch_id=running.id,
                filename=f"week-12/{at:05}-{LONG}.jpg",
                reason="truncated" if at < 25 else "not_an_image",
                detail="The file ends before the picture does.",
            )
            for at in range(40)
        )
        upload = factories.make_batch(
            session, project, kind=BatchKind.UPLOAD, name="by hand", state=BatchState.OPEN
        )
        ids = session.scalars(
            select(Candidate.image_id).where(Candidate.project_id == project.id)
        ).all()
        session.add_all(
            BatchImage(batch_id=upload.id, image_id=image_id, outcome="stored") for image_id in ids
        )
        upload.received = upload.stored = len(ids)
        session.execute(
            update(Candidate).where(Candidate.image_id.in_(ids)).values(standing="open")
        )
        return running.id, upload.id


def figure(page: Page, label: str) -> str:
    found = page.locator(".numbers div", has=page.get_by_text(label, exact=True))
    return found.locator(".figure").inner_text()


def test_batches_are_followed_and_stopped(server: Server, visit: Visit, labeling: Make) -> None:
    made = labeling(proposals=2)
    running, upload = bring(server, made)
    page = visit(f"/projects/{made.slug}/pool", login_of("lena", made))
    expect(page.get_by_text("1\u202f200 of 5\u202f000 files")).to_be_visible()
    with server.sessions.begin() as session:
        session.execute(update(Batch).where(Batch.id == running).values(done=3000, stored=2900))
    expect(page.get_by_text("3\u202f000 of 5\u202f000 files")).to_be_visible()
    page.get_by_role("link", name=LONG).click()
    expect(page.get_by_role("heading", name="Coming in")).to_be_visible()
    assert page.get_by_role("progressbar").get_attribute("value") == "3000"
    expect(page.get_by_role("row", name="The picture ends too early. 25")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("heading", name="Cancelled")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    page.goto(f"{server.url}/projects/{made.slug}/pool/batches/{upload}")
    assert figure(page, "In the pool") == "4"
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()


def test_a_lead_syncs_what_the_operator_named(visit: Visit, labeling: Make) -> None:
    made = labeling(proposals=2)
    page = visit(f"/projects/{made.slug}/pool", login_of("lena", made))
    folder, button = page.get_by_label("Folder in it"), page.get_by_role("button", name="Sync now")
    folder.fill("../elsewhere")
    button.click()
    expect(page.locator("#prefix-problem")).to_contain_text("without .. in it")
    expect(folder).to_be_focused()
    folder.fill("2026/alps")
    page.get_by_label("Location").select_option("crawls")
    button.click()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="crawls/2026/alps"))
    expect(row).to_contain_text("Waits for a worker")
    expect(page.locator("#prefix-problem")).to_be_empty()
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("crawls is being synced already")
    assert_accessible(page)


def test_a_batch_is_withdrawn_between_rounds_and_brought_back(
    server: Server, visit: Visit, labeling: Make
) -> None:
    made = labeling(proposals=2)
    _, upload = bring(server, made)
    page = visit(f"/projects/{made.slug}/pool/batches/{upload}", login_of("lena", made))
    expect(page.get_by_role("region", name="Its newest pictures").get_by_role("img")).to_have_count(
        4
    )
    page.get_by_role("button", name="Withdraw").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("4 pictures leave the pool.")
    expect(dialog).to_contain_text("Round 1 may ask about pictures of this batch.")
    expect(dialog.get_by_role("button", name="Withdraw")).to_be_hidden()
    dialog.get_by_role("button", name="Keep it as it is").click()
    with server.sessions.begin() as session:
        project = session.get_one(Project, made.project_id)
        proposal = session.get_one(Proposal, made.proposal_ids[0])
        factories.answer(session, proposal, project.created_by, "yes")
        close_round(session, project, 1, database_now(session))
    page.get_by_role("button", name="Withdraw").click()
    expect(dialog).to_contain_text("3 pictures leave the pool.")
    expect(dialog).to_contain_text("1 picture is an example by now.")
    assert_accessible(page)
    dialog.get_by_label("leaves the dataset").check()
    dialog.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("heading", name="Being withdrawn")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Waits for a worker")
    assert not page.locator("[data-act], [data-withdraw]").count()
    with server.sessions.begin() as session:
        session.execute(update(Job).where(Job.batch_id == upload).values(step=1, steps=4))
    expect(page.get_by_role("status")).to_have_text("1 of 4 pictures")
    assert page.get_by_role("progressbar").get_attribute("value") == "1"
    assert_accessible(page)
    move_batches(server.sessions)
    expect(page.get_by_role("heading", name="Withdrawn", exact=True)).to_be_visible()
    expect(
        page.get_by_text("3 pictures left the pool. 1 example left the dataset.")
    ).to_be_visible()
    assert (figure(page, "In the pool"), figure(page, "Examples")) == ("0", "0")
    page.get_by_role("button", name="Bring it back").click()
    expect(page.get_by_role("heading", name="Coming back")).to_be_visible()
    move_batches(server.sessions)
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    assert (figure(page, "New"), figure(page, "Examples")) == ("3", "1")


def test_what_a_list_could_not_get_is_fetched_again(
    server: Server, visit: Visit, labeling: Make
) -> None:
    made = labeling(proposals=2)
    with server.sessions.begin() as session:
        project = session.get_one(Project, made.project_id)
        batch = factories.make_batch(
            session, project, kind=BatchKind.ADDRESSES, state=BatchState.DONE, total=2, done=2,
            received=2, rejected=2, reasons={"not_found": 1, "invalid_url": 1},
        )  # fmt: skip
        url = "https://pictures.example/a.jpg"
        session.add(
            Address(
                batch_id=batch.id, position=1, key=key_of(url), url=url, host="pictures.example",
                state="rejected", reason="not_found", due_at=func.now(),
            )
        )  # fmt: skip
        number = batch.id
    page = visit(f"/projects/{made.slug}/pool/batches/{number}", login_of("lena", made))
    expect(page.get_by_role("row", name="There is nothing at this address. 1")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Fetch again").click()
    expect(page.get_by_role("heading", name="Waits for a worker")).to_be_visible()
    expect(page.get_by_role("button", name="Fetch again")).to_have_count(0)
    assert figure(page, "Left out") == "1"


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_the_pages_of_the_pool_are_accessible_and_fit(
    server: Server, visit: Visit, labeling: Make, look: dict[str, object]
) -> None:
    made = labeling(proposals=2)
    running, _ = bring(server, made)
    page = visit(f"/projects/{made.slug}/pool", login_of("lena", made), **look)
    for path in ("", f"/batches/{running}"):
        page.goto(f"{server.url}/projects/{made.slug}/pool{path}")
        assert_accessible(page)
        assert_fits(page)
