"""A lead looks at images of one photograph and takes a group apart."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.db.session import database_now
from app.db.tables import Candidate, Image, Project, Proposal
from app.usecases.rounds.end_round import close_round
from tests import factories
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, Look, name_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]


@pytest.fixture
def grouped(server: Server, labeling: Make) -> factories.Labeling:
    """The first proposal's image is an example; two candidates show the same photograph."""
    made = labeling(proposals=4)
    with server.sessions.begin() as session:
        project = session.get_one(Project, made.project_id)
        first, *_, two, three = (session.get_one(Proposal, each) for each in made.proposal_ids)
        factories.answer(session, first, project.created_by, "yes")
        representative = session.get_one(Image, first.image_id)
        for other in (two, three):
            factories.make_near_duplicate(
                session, session.get_one(Image, other.image_id), representative
            )
        close_round(session, project, 1, database_now(session))
    return made


def test_a_group_is_taken_apart_and_put_together(
    server: Server, visit: Visit, grouped: factories.Labeling
) -> None:
    page = visit(f"/projects/{grouped.slug}/pool", login_of("lena", grouped))
    page.get_by_role("link", name="Duplicates").click()
    expect(page.get_by_text("2 images stand behind others")).to_be_visible()
    inherited = page.get_by_text("Spring gentian: yes, inherited")
    expect(inherited).to_have_count(2)
    group = page.locator(".group")
    button = group.get_by_role("button").first
    page.route("**/detach", lambda route: route.abort())
    button.click()
    expect(page.get_by_role("alert")).to_have_text("The server did not answer. Try again.")
    page.unroute("**/detach")
    button.click()
    expect(page.get_by_role("status")).to_contain_text("rounds may ask about it")
    page.get_by_role("link", name=re.compile("Taken apart: 1")).click()
    expect(inherited).to_have_count(1)
    with server.sessions() as session:
        apart = session.scalars(
            select(Candidate.standing)
            .join(Image, Image.id == Candidate.image_id)
            .where(
                Image.project_id == grouped.project_id,
                Image.sha256 == group.get_by_role("button").first.get_attribute("data-sha256"),
            )
        ).one()
        assert apart == "open"
    group.get_by_role("button", name="The same", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Back in its group")
    expect(group).to_have_count(0)
    expect(page.get_by_role("heading", name="Duplicates")).to_be_focused()
    page.reload()
    expect(page.get_by_text("There is none.")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_the_page_is_accessible_and_fits(
    visit: Visit, grouped: factories.Labeling, look: Look
) -> None:
    path = f"/projects/{grouped.slug}/pool/duplicates"
    page = visit(path, login_of("lena", grouped), **look)
    expect(page.locator(".group")).to_have_count(1)
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
