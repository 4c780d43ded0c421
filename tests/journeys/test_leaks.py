"""A lead looks at what leaks of the test split, and releases what does not."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.db.session import database_now
from app.db.tables import Candidate, Example, Image, Project, Proposal
from app.domain.dataset import Split
from app.usecases.rounds.end_round import close_round
from tests import factories
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, Look, name_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]


@pytest.fixture
def leaking(server: Server, labeling: Make) -> factories.Labeling:
    """Two candidates show what a test picture shows."""
    made = labeling(proposals=4)
    with server.sessions.begin() as session:
        project = session.get_one(Project, made.project_id)
        asked = [session.get_one(Proposal, each) for each in made.proposal_ids]
        tested = session.scalars(
            select(Example).where(Example.project_id == project.id).order_by(Example.id).limit(1)
        ).one()
        tested.split = Split.TEST
        close_round(session, project, 1, database_now(session))
        for each in asked[-2:]:
            factories.make_leak(
                session,
                session.get_one(Image, each.image_id),
                session.get_one(Image, tested.image_id),
            )
    return made


def test_a_lead_releases_a_candidate_and_takes_it_back(
    server: Server, visit: Visit, leaking: factories.Labeling
) -> None:
    page = visit(f"/projects/{leaking.slug}/pool", login_of("lena", leaking))
    page.get_by_role("link", name="Leak guard").click()
    expect(
        page.get_by_text("2 candidates show what pictures of the test split show.")
    ).to_be_visible()
    pair = page.get_by_role("listitem").filter(has=page.get_by_alt_text("In the test split")).first
    expect(pair.get_by_role("img")).to_have_count(2)
    button = pair.get_by_role("button")
    sha256 = button.get_attribute("data-sha256")
    page.route("**/release", lambda route: route.abort())
    button.click()
    expect(page.get_by_role("alert")).to_have_text("The server did not answer. Try again.")
    page.unroute("**/release")
    button.click()
    expect(page.get_by_role("status")).to_have_text("Released: rounds may ask about it.")
    expect(page.get_by_text("One candidate shows what a picture")).to_be_visible()
    expect(page.get_by_role("link", name="In quarantine: 1")).to_be_visible()
    expect(button).to_be_focused()
    assert standing(server, leaking, sha256) == "open"
    page.get_by_role("link", name=re.compile("^Released")).click()
    expect(page.get_by_role("link", name="Released: 1")).to_be_visible()
    expect(page.get_by_text("One candidate shows what a picture")).to_be_visible()
    page.get_by_role("button", name="The same after all").click()
    expect(page.get_by_role("status")).to_contain_text("Back in quarantine")
    assert standing(server, leaking, sha256) == "quarantined"
    page.reload()
    expect(page.get_by_text("There is none.")).to_be_visible()


def standing(server: Server, of: factories.Labeling, sha256: str | None) -> str:
    with server.sessions() as session:
        return session.scalars(
            select(Candidate.standing)
            .join(Image, Image.id == Candidate.image_id)
            .where(Image.project_id == of.project_id, Image.sha256 == sha256)
        ).one()


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_the_page_is_accessible_and_fits(
    visit: Visit, leaking: factories.Labeling, look: Look
) -> None:
    path = f"/projects/{leaking.slug}/pool/leaks"
    page = visit(path, login_of("lena", leaking), **look)
    expect(page.locator(".leak")).to_have_count(2)
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
