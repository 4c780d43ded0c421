"""A lead looks at the quality of labels, decides what waits, and sets a labeler's decisions aside."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.session import Sessions
from app.db.tables import Decision, Proposal, User
from app.domain.decision import Answer, Stage
from tests import factories
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, name_of
from workers.count_quality import count_once

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]
KNOWN, TIES = 20, 3


@pytest.fixture
def judged(server: Server, labeling: Make) -> factories.Labeling:
    """Ada and Bert answered 24 questions: 20 known ones, of which Ada has 18 right, and 3 ties."""
    made = labeling(proposals=12)
    with server.sessions.begin() as session:
        ada, bert = (
            session.scalars(select(User.id).where(User.login == login_of(name, made))).one()
            for name in ("ada", "bert")
        )
        for place, proposal_id in enumerate(made.proposal_ids):
            proposal = session.get_one(Proposal, proposal_id)
            proposal.wanted = 2
            proposal.gold = "yes" if place < KNOWN else None
            tied = place >= len(made.proposal_ids) - TIES
            factories.answer(session, proposal, ada, "no" if place < 2 else "yes", 2.5)
            factories.answer(session, proposal, bert, "no" if tied or place == 5 else "yes", 4.0)
            if tied:
                proposal.answer, proposal.answered_by, proposal.stage = None, None, Stage.LEAD
    count(server)
    return made


def count(server: Server) -> None:
    """As a worker does."""
    count_once(Sessions(server.sessions.kw["bind"]))


def assert_fits(page: Page) -> None:
    """Nothing makes the page wider than the window."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_quality_of_a_round_and_a_labeler_set_aside(
    server: Server, visit: Visit, judged: factories.Labeling
) -> None:
    page = visit(f"/projects/{judged.slug}", login_of("lena", judged))
    page.get_by_role("link", name="Quality").click()
    expect(page.locator("#waiting-heading")).to_have_text("3 questions wait for you")
    expect(page.locator("#counted")).to_contain_text("Answers counted: 48")
    ada, bert = page.locator("#labelers tbody tr").all()
    for told in ("90.0\u00a0%", "18 of 20", "2.5\u00a0s"):
        expect(ada).to_contain_text(told)

    # Refusals stand beside what was pressed.
    page.route("**/preview", lambda route: route.abort())
    bert.get_by_role("button").click()
    expect(bert.get_by_role("alert")).to_have_text("The server did not answer. Try again.")
    assert_accessible(page)
    page.unroute("**/preview")
    bert.get_by_role("button").click()
    dialog = page.locator("#aside-dialog")
    expect(dialog.locator("li")).to_have_text(
        [
            "24 decisions are taken back.",
            "21 pictures are asked again, of others.",
            "1 yes no longer counts: an example less when the round closes.",
        ]
    )
    with server.sessions() as session:
        assert undone(session, judged) == 0
    page.route("**/set-aside", lambda route: route.abort())
    dialog.get_by_role("button", name="Set aside").click()
    expect(dialog.get_by_role("alert")).to_contain_text("nothing is taken back twice")
    page.unroute("**/set-aside")
    dialog.get_by_role("button", name="Set aside").click()
    expect(page.locator("#aside-done")).to_contain_text("24 decisions of Bert")
    expect(dialog).to_be_hidden()
    with server.sessions() as session:
        assert undone(session, judged) == 24
    bert.get_by_role("button").click()
    expect(dialog).to_contain_text("There is no decision of theirs")
    expect(dialog.get_by_role("button")).to_have_count(1)
    count(server)
    page.reload()
    expect(page.locator("#labelers tbody tr")).to_have_count(1)


def undone(session: Session, judged: factories.Labeling) -> int:
    """How many decisions of the round were taken back."""
    return session.scalars(
        select(func.count())
        .select_from(Decision)
        .where(Decision.proposal_id.in_(judged.proposal_ids), Decision.answer == Answer.UNDO)
    ).one()


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_every_look(visit: Visit, judged: factories.Labeling, look: dict[str, object]) -> None:
    page = visit(f"/projects/{judged.slug}/quality", login_of("lena", judged), **look)
    page.locator(".method summary").click()
    assert_accessible(page)
    assert_fits(page)
    page.locator("[data-aside]").first.click()
    expect(page.locator("#aside-dialog")).to_be_visible()
    assert_accessible(page)
