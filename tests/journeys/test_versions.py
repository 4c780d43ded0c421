"""A lead looks at dataset versions, takes one away, goes back to one, and reads the log."""

import csv
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.db.session import database_now
from app.db.tables import Event, Project, Proposal, Round, User
from app.domain.event import Verb
from app.usecases.events import record
from app.usecases.rounds.end_round import close_round
from tests import factories
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.test_accessible import LOOKS, name_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]


@pytest.fixture
def grown(server: Server, labeling: Make) -> factories.Labeling:
    """Round 1 is closed: version 2 has three more examples and three hard negatives."""
    made = labeling(proposals=3)
    with server.sessions.begin() as session:
        lena = session.scalars(select(User.id).where(User.login == login_of("lena", made))).one()
        for place, number in enumerate(made.proposal_ids):
            proposal = session.get_one(Proposal, number)
            factories.answer(session, proposal, lena, "no" if place % 2 else "yes")
        project = session.get_one(Project, made.project_id)
        number = session.get_one(Round, made.round_id).number
        close_round(session, project, number, database_now(session))
        record(session, made.project_id, lena, Verb.CLOSE_ROUND, number, version=2, yes=3, no=3)
    return made


def assert_fits(page: Page) -> None:
    """Nothing makes the page wider than the window."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_versions_are_compared_taken_away_and_gone_back_to(
    server: Server, visit: Visit, grown: factories.Labeling
) -> None:
    page = visit(f"/projects/{grown.slug}/versions", login_of("lena", grown))
    assert page.locator("tbody tr").count() == 2
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("h1")).to_have_text("From version 1 to 2")
    expect(page.locator(".pictures li")).to_have_count(6)
    page.select_option("#change", "hard-negative-added")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".pictures li")).to_have_count(3)
    loaded = "() => [...document.images].every((each) => each.complete && each.naturalWidth)"
    page.wait_for_function(loaded)

    page.goto(f"/projects/{grown.slug}/versions/2")
    page.select_option("#format", "csv")
    page.get_by_label("Examples", exact=True).check()
    page.select_option("#category", "Alpine aster")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Export").click()
    lines = list(csv.DictReader(downloading.value.path().read_text().splitlines()))
    assert {line["category"] for line in lines} == {"Alpine aster"}
    assert {line["part"] for line in lines} == {"train"}
    page.get_by_label("Hard negatives", exact=True).check()
    page.get_by_label("Test split").check()
    page.get_by_role("button", name="Export").click()
    expect(page.locator(".status")).to_have_text("422")

    page.goto(f"/projects/{grown.slug}/versions/1")
    expect(page.locator("#effect")).to_contain_text("3 examples leave the dataset.")
    page.get_by_role("button", name="Go back …").click()
    assert_accessible(page)
    page.locator("#go").click()
    page.wait_for_url(f"**/projects/{grown.slug}/versions/3")
    expect(page.locator("#back-heading ~ p").nth(1)).to_have_text(
        "The dataset is as it was in this version."
    )
    page.get_by_role("link", name="Events").click()
    expect(page.locator("tbody th")).to_have_text(
        ["Rolled back to a version: 1", "Dataset exported: 2", "Round closed: 1"]
    )
    page.select_option("#verb", "roll-back")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    with page.expect_download() as downloading:
        page.get_by_role("link", name="CSV").click()
    lines = list(csv.DictReader(downloading.value.path().read_text().splitlines()))
    assert [line["verb"] for line in lines] == ["roll-back"]
    with server.sessions() as session:
        logged = session.scalars(select(Event).where(Event.project_id == grown.project_id)).all()
    assert len(logged) == 3


def test_a_refusal_to_go_back_is_said(
    server: Server, visit: Visit, grown: factories.Labeling
) -> None:
    page = visit(f"/projects/{grown.slug}/versions/1", login_of("lena", grown))
    with server.sessions.begin() as session:
        session.get_one(Round, grown.round_id).state = "labeling"
    page.get_by_role("button", name="Go back …").click()
    page.locator("#go").click()
    expect(page.get_by_role("alert")).to_contain_text("Round 1 is not finished")
    page.reload()
    expect(page.get_by_role("button", name="Go back …")).to_have_count(0)
    expect(page.get_by_text("Round 1 is not finished")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_every_look(visit: Visit, grown: factories.Labeling, look: dict[str, object]) -> None:
    page = visit(f"/projects/{grown.slug}/versions", login_of("lena", grown), **look)
    for path in (
        "/versions",
        "/versions/2",
        "/versions/1",
        "/versions/compare?one=1&other=2",
        "/versions/compare?one=2&other=2",
        "/versions/compare?one=1&other=2&change=moved",
        "/events",
        "/events?verb=set-member",
    ):
        page.goto(f"/projects/{grown.slug}{path}")
        page.wait_for_load_state("networkidle")
        assert_accessible(page)
        assert_fits(page)
