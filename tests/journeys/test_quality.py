"""A lead looks at the quality of labels, decides what waits, and sets a labeler's decisions aside."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.session import Sessions
from app.db.tables import Decision, Project, Proposal, User
from app.domain.decision import Answer, Stage
from app.usecases.quality.adjudicate import adjudicate
from tests import factories
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, name_of
from workers.count_quality import count_once

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]
KNOWN, TIES = 20, 3
CHANGE_GUARD = 550
"""Milliseconds; a question about another category that was seen for less is not answered."""


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


@pytest.fixture
def contradicted(server: Server, judged: factories.Labeling) -> int:
    """A proposal that asks about a yes of Ada again, which Bert contradicted."""
    with server.sessions.begin() as session:
        proposal = session.get_one(Proposal, judged.proposal_ids[5])
        earlier = session.scalars(
            select(Decision).where(
                Decision.proposal_id == judged.proposal_ids[4], Decision.ordinal == 1
            )
        ).one()
        proposal.audits = earlier.id
        return proposal.id


def decisions(server: Server, lead: str) -> list[tuple[int, str]]:
    """(proposal, answer) of all that the lead decided, in order."""
    with server.sessions() as session:
        rows = session.execute(
            select(Decision.proposal_id, Decision.answer)
            .join(User, User.id == Decision.user_id)
            .where(User.login == lead)
            .order_by(Decision.id)
        )
        return [(proposal, answer) for proposal, answer in rows]


def asked(page: Page) -> int:
    """The question that may be answered now, once it has been looked at."""
    expect(page.locator("#stage[data-proposal] .answer.yes:enabled")).to_be_visible()
    page.wait_for_timeout(CHANGE_GUARD)
    return int(page.locator("#stage").get_attribute("data-proposal") or 0)


def press(page: Page, key: str) -> int:
    """Answer by key and give the question, once another one (or none) is shown."""
    question = asked(page)
    page.keyboard.press(key)
    page.wait_for_function(
        "id => document.querySelector('#stage').dataset.proposal !== String(id)", arg=question
    )
    return question


def test_what_waits_is_decided_by_keyboard_exactly_once(
    server: Server, visit: Visit, judged: factories.Labeling, contradicted: int
) -> None:
    lead = login_of("lena", judged)
    page = visit(f"/projects/{judged.slug}/quality", lead)
    page.get_by_role("link", name="Decide", exact=True).click()
    ties = list(judged.proposal_ids[-TIES:])
    expect(page.locator("#waiting")).to_have_text("4 wait for you")
    expect(page.locator("#reason")).to_contain_text("It was accepted before")
    expect(page.locator("#voices li")).to_have_text(
        [re.compile(r"^Ada-\d+ \(earlier\) Yes$"), re.compile(r"^Ada-\d+ Yes$"),
         re.compile(r"^Bert-\d+ No$")]
    )  # fmt: skip
    assert page.locator("#exemplars img").count() == 3
    assert press(page, "y") == contradicted
    expect(page.locator("#reason")).to_have_text("Labelers disagree, in round 1.")
    assert press(page, "n") == ties[0]
    # The last answer can be taken back until the next one; the others are on the server.
    page.keyboard.press("z")
    assert asked(page) == ties[0]
    expect(page.locator("#waiting")).to_have_text("3 wait for you")
    press(page, "y")
    # An answer whose confirmation is lost is sent again, with the same key.
    lost = []
    page.route("**/adjudications/*", lambda route: answered_in_vain(route, lost))
    press(page, "u")
    press(page, "ArrowLeft")
    expect(page.locator("#rest-title")).to_have_text("Nothing waits for you")
    page.reload()
    expect(page.locator("#rest-title")).to_have_text("Nothing waits for you")
    wanted = [(contradicted, "yes"), (ties[0], "yes"), (ties[1], "unsure"), (ties[2], "no")]
    for _ in range(100):
        if decisions(server, lead) == wanted:
            break
        page.wait_for_timeout(50)
    assert decisions(server, lead) == wanted
    assert lost
    page.goto(f"/projects/{judged.slug}/quality")
    expect(page.locator("#waiting-heading")).to_have_text("Nothing waits for you")


def answered_in_vain(route: Route, lost: list[str]) -> None:
    """The first answer reaches the server, but its confirmation does not come back."""
    if lost:
        route.continue_()
        return
    lost.append(route.request.url)
    route.fetch()
    route.abort()


@pytest.mark.usefixtures("contradicted")
@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_adjudicating_in_every_look(
    visit: Visit, judged: factories.Labeling, look: dict[str, object]
) -> None:
    page = visit(f"/projects/{judged.slug}/quality/adjudicate", login_of("lena", judged), **look)
    asked(page)
    assert_accessible(page)
    assert_fits(page)
    page.locator(".answer.yes").click()
    asked(page)
    page.locator("#help-button").click()
    assert_accessible(page)


def test_two_leads_do_not_decide_one_question_twice(
    server: Server, visit: Visit, judged: factories.Labeling
) -> None:
    lead = login_of("lena", judged)
    page = visit(f"/projects/{judged.slug}/quality/adjudicate", lead)
    first = asked(page)
    with server.sessions.begin() as session:
        project = session.get_one(Project, judged.project_id)
        adjudicate(session, project, project.created_by, first, Answer.NO, "in another tab")
    press(page, "y")
    press(page, "y")
    expect(page.locator("#toast")).to_contain_text("has been decided already")
    assert decisions(server, lead)[0] == (first, "no")


def test_adjudicating_is_for_leads(visit: Visit, judged: factories.Labeling) -> None:
    page = visit(f"/projects/{judged.slug}/quality/adjudicate", login_of("ada", judged))
    expect(page.locator(".status")).to_have_text("403")
