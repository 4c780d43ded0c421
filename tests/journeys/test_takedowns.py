"""A lead takes down the picture that a labeler is looking at, and lifts the takedown."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.db.tables import Image, Project, Proposal
from tests import factories
from tests.db.test_takedown_races import files_of
from tests.journeys import seat
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, name_of
from tests.journeys.test_versions import assert_fits

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]


def test_a_picture_is_taken_down_under_the_eyes_of_a_labeler(
    server: Server, visit: Visit, labeling: Make
) -> None:
    # Pictures that no other project of this server has: their bytes would stay.
    made = labeling(proposals=2, painter=lambda c, index: factories.paint(40 + c, 700 + index))
    ada = visit(f"/projects/{made.slug}/label", login_of("ada", made))
    proposal = seat.shown(ada)
    # Who copies what was just erased is caught up with later, by a worker; here is none.
    ada.wait_for_load_state("networkidle")
    with server.sessions() as session:
        picture = session.scalars(
            select(Image.sha256)
            .join(Proposal, Proposal.image_id == Image.id)
            .where(Proposal.id == proposal)
        ).one()
    assert picture in files_of(server.blobs_dir, picture)

    page = visit(f"/projects/{made.slug}/pool/takedowns", login_of("lena", made))
    expect(page.get_by_text("Nothing was taken down.")).to_be_visible()
    what, reason = page.get_by_label("Picture or address"), page.get_by_label("Reason")
    see = page.get_by_role("button", name="See what goes")
    what.fill("gentian.jpg")
    see.click()
    expect(page.locator("#reason-problem")).to_have_text("Fill this in.")
    reason.fill("Request of the photographer")
    see.click()
    expect(page.locator("#what-problem")).to_contain_text("Give the picture's SHA-256")
    what.fill(f"{server.url}/api/v1/projects/{made.slug}/images/{picture}/screen")
    see.click()
    dialog = page.get_by_role("dialog", name="Take this down?")
    expect(dialog.get_by_role("listitem")).to_have_text(
        ["1 picture goes.", "1 is in the pool.", "1 question is withdrawn from labelers."]
    )
    assert_accessible(page)
    dialog.get_by_role("button", name="Take down").click()
    expect(page.get_by_text("1 picture was taken down.")).to_be_visible()
    row = page.get_by_role("row", name=f"Picture {picture[:12]}")
    expect(row).to_contain_text("Request of the photographer")
    expect(row).to_contain_text("1 picture · 1 question")
    assert files_of(server.blobs_dir, picture) == []

    ada.keyboard.press("y")
    expect(ada.locator("#toast")).to_contain_text("This picture was taken down")
    assert seat.shown(ada) != proposal
    seat.answer(ada, "y")
    seat.all_saved(ada)

    row.get_by_role("button", name="Lift").click()
    page.get_by_role("dialog").get_by_role("button", name="Lift").click()
    expect(row).to_contain_text(f"lifted by {login_of('lena', made)}")
    expect(row.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_the_page_of_takedowns_is_accessible_and_fits(
    server: Server, visit: Visit, labeling: Make, look: dict[str, object]
) -> None:
    made = labeling(proposals=1)
    with server.sessions.begin() as session:
        project = session.get_one(Project, made.project_id)
        factories.make_takedown(session, project)
        factories.make_takedown(session, project, kind="address", reason="w" * 200)
        factories.make_takedown(session, project, everywhere=True)
    page = visit(f"/projects/{made.slug}/pool/takedowns", login_of("lena", made), **look)
    expect(page.locator("tbody tr").nth(2)).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
