"""The reason of a no: one optional key."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.db.tables import Contrast, Decision, Proposal
from tests import factories
from tests.journeys import seat
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]
CHOICES = "#reason-list button"


def take_seat(server: Server, visit: Visit, made: factories.Labeling) -> Page:
    """The first proposals are most like the second category."""
    second = made.category_ids[1]
    with server.sessions.begin() as session:
        session.add_all(
            Contrast(
                proposal_id=proposal,
                exemplars=[],
                confusable_id=None,
                confusable_exemplars=[],
                rejected=[],
                likely=[second],
            )
            for proposal in made.proposal_ids[:3]
        )
    page = visit(f"/projects/{made.slug}/label", login_of("ada", made))
    seat.shown(page)
    return page


def reasons(
    server: Server, made: factories.Labeling
) -> dict[int, tuple[str, str | None, int | None]]:
    """(answer, reason, picked category) by proposal."""
    with server.sessions() as session:
        rows = session.scalars(
            select(Decision).where(Decision.proposal_id.in_(made.proposal_ids))
        ).all()
    assert len({row.proposal_id for row in rows}) == len(rows)
    return {row.proposal_id: (row.answer, row.reason, row.picked_category_id) for row in rows}


def choose(page: Page, key: str) -> int:
    """Open the reasons and press a key in them."""
    proposal = seat.shown(page)
    assert proposal is not None
    page.keyboard.press("r")
    expect(page.locator("#reasons")).to_be_visible()
    return seat.until_answered(page, lambda: _again(page, key))


def _again(page: Page, key: str) -> None:
    if not page.locator("#reasons").is_visible():
        page.keyboard.press("r")
    page.keyboard.press(key)


def test_a_picked_category_and_the_other_reasons_are_kept_with_the_no(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = take_seat(server, visit, made)
    page.keyboard.press("r")
    expect(page.locator("#reasons-title")).to_have_text("No Spring gentian: why?")
    expect(page.locator(CHOICES)).to_have_text(
        [
            "1Alpine aster",
            "6A species that is not in the list",
            "7Not in this field at all",
            "8A bad picture: nobody can tell",
        ]
    )
    assert_accessible(page)
    page.keyboard.press("Escape")
    picked = choose(page, "1")
    expect(page.locator("#toast")).to_have_text("No: Alpine aster")
    unknown, elsewhere, bad = (choose(page, key) for key in "678")
    plain = seat.answer(page, "n")
    seat.all_saved(page)
    assert reasons(server, made) == {
        picked: ("no", "other-category", made.category_ids[1]),
        unknown: ("no", "unknown-species", None),
        elsewhere: ("no", "not-in-domain", None),
        bad: ("no", "bad-picture", None),
        plain: ("no", None, None),
    }
    page.reload()
    seat.shown(page)
    page.keyboard.press("h")
    expect(page.locator("#history-list button").last).to_contain_text("rather Alpine aster")


def test_going_back_from_the_reasons_answers_nothing(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=3)
    page = take_seat(server, visit, made)
    before = seat.shown(page)
    for leave in ("Escape", "r"):
        page.keyboard.press("r")
        expect(page.locator("#reasons")).to_be_visible()
        page.keyboard.press("y")  # means nothing here
        page.keyboard.press("3")  # there is no third category
        page.keyboard.press(leave)
        expect(page.locator("#reasons")).to_be_hidden()
    page.locator("#why").click()
    expect(page.locator("#reasons")).to_be_visible()
    page.locator("#reasons [data-close]").click()
    assert seat.shown(page) == before
    assert reasons(server, made) == {}


def picked(server: Server, made: factories.Labeling) -> Proposal:
    """The one question that a labeler made by picking another category."""
    with server.sessions() as session:
        return session.scalars(
            select(Proposal).where(
                Proposal.round_id == made.round_id, Proposal.picked_by.is_not(None)
            )
        ).one()


def test_undoing_a_picked_category_takes_its_question_away(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=3)
    page = take_seat(server, visit, made)
    answered = choose(page, "1")
    seat.all_saved(page)
    question = picked(server, made)
    assert (question.category_id, question.answer) == (made.category_ids[1], None)
    total = page.locator("#progress-text")
    expect(total).to_have_text("1 of 7, yours 1")
    page.keyboard.press("z")
    expect(page.locator("#stage")).to_have_attribute("data-proposal", str(answered))
    expect(total).to_have_text("0 of 6, yours 0")
    assert picked(server, made).answer == "withdrawn"
    assert choose(page, "1") == answered  # and it can be picked again
    seat.all_saved(page)
    again = picked(server, made)
    assert (again.id, again.answer) == (question.id, None)


def test_a_picked_category_that_somebody_answered_stays(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=1)
    page = take_seat(server, visit, made)
    choose(page, "1")
    seat.all_saved(page)
    now = seat.shown(page)
    bert = visit(f"/projects/{made.slug}/label", login_of("bert", made))
    assert seat.answer(bert, "y") == picked(server, made).id
    seat.all_saved(bert)
    page.keyboard.press("z")
    expect(page.locator("#toast")).to_contain_text("answered")
    assert seat.shown(page) == now
    assert picked(server, made).answer == "yes"
