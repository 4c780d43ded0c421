"""Going back: the last twenty answers, across reloads, and what is said once a round is over."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import update

from app.db.tables import Round
from app.domain.round import RoundState
from tests import factories
from tests.journeys import seat
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]
STRIP = "#history-list button"


def take_seat(visit: Visit, made: factories.Labeling) -> Page:
    page = visit(f"/projects/{made.slug}/label", login_of("ada", made))
    seat.shown(page)
    return page


def close_round(server: Server, made: factories.Labeling) -> None:
    with server.sessions.begin() as session:
        session.execute(
            update(Round).where(Round.id == made.round_id).values(state=RoundState.CLOSED)
        )


def expect_shown(page: Page, proposal: int) -> None:
    expect(page.locator("#stage")).to_have_attribute("data-proposal", str(proposal))


def test_any_of_the_last_twenty_comes_back_across_a_reload(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=12)
    page = take_seat(visit, made)
    pictures = {}
    for place in range(21):
        picture = page.locator("#pane img").get_attribute("src")
        pictures[seat.answer(page, "yn"[place % 2])] = picture
    answered = list(pictures)
    seat.all_saved(page)
    page.reload()
    seat.shown(page)
    page.keyboard.press("h")
    strip = page.locator(STRIP)
    expect(strip).to_have_count(20)
    expect(strip.locator(".said").nth(0)).to_have_text("Yes")
    expect(strip.locator(".said").nth(1)).to_have_text("No")
    expect(strip.nth(0)).to_be_focused()
    assert_accessible(page)
    page.keyboard.press("End")  # the oldest of them
    page.keyboard.press("ArrowLeft")
    expect(strip.nth(18)).to_be_focused()
    page.keyboard.press("Enter")
    expect_shown(page, answered[2])
    assert page.locator("#pane img").get_attribute("src") == pictures[answered[2]]
    assert seat.answer(page, "u") == answered[2]
    seat.all_saved(page)
    for proposal in (answered[2], *reversed(answered[-5:])):  # the last ones, one after the other
        page.wait_for_timeout(seat.AUTOREPEAT)
        page.keyboard.press("z")
        expect_shown(page, proposal)
    with server.sessions() as session:
        kept = factories.answers(session, made)
    assert [kept[proposal][0] for proposal in answered[3:-5]] == ["no", "yes"] * 6 + ["no"]
    assert all(kept[proposal][0] is None for proposal in answered[-5:])


def test_an_undo_without_the_network_says_so_and_works_later(labeling: Make, visit: Visit) -> None:
    page = take_seat(visit, labeling(proposals=3))
    answered = seat.answer(page, "y")
    seat.all_saved(page)
    now = seat.shown(page)
    page.context.set_offline(True)
    page.keyboard.press("z")
    expect(page.locator("#toast")).to_contain_text("The server cannot be reached")
    expect_shown(page, now or 0)
    page.context.set_offline(False)
    page.wait_for_timeout(seat.AUTOREPEAT)
    page.keyboard.press("z")
    expect_shown(page, answered)


def test_an_undo_after_the_round_closed_meanwhile_says_so(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=3)
    page = take_seat(visit, made)
    answered = seat.answer(page, "y")
    seat.all_saved(page)
    close_round(server, made)
    page.keyboard.press("z")
    expect(page.locator("#toast")).to_contain_text("Round 1 is over")
    expect(page.locator("#rest-title")).to_have_text("Between rounds")
    expect(page.locator("#toast")).to_be_visible()
    page.wait_for_timeout(seat.AUTOREPEAT)
    page.keyboard.press("z")  # and again, now that the page knows
    expect(page.locator("#toast")).to_contain_text("This answer stands")
    page.reload()
    expect(page.locator("#rest-title")).to_have_text("Between rounds")
    expect(page.locator("#rest-undo")).to_be_hidden()
    page.keyboard.press("z")  # a reload does not forget it
    expect(page.locator("#toast")).to_contain_text("This answer stands")
    page.keyboard.press("h")
    expect(page.locator(STRIP)).to_have_class("closed")
    page.locator(STRIP).click()
    expect(page.locator("#toast")).to_contain_text("This answer stands")
    with server.sessions() as session:
        assert factories.answers(session, made)[answered] == ("yes", 1)


def test_an_undo_whose_answer_is_lost_is_made_once(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=3)
    page = take_seat(visit, made)
    answered = seat.answer(page, "y")
    seat.all_saved(page)
    keys = []

    def lose_the_first_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        answer = route.fetch()
        if len(keys) == 1:
            route.abort()
        else:
            route.fulfill(response=answer)

    page.route("**/undo", lose_the_first_answer)
    page.keyboard.press("z")
    expect_shown(page, answered)
    assert len(keys) == 2
    assert len(set(keys)) == 1
    with server.sessions() as session:
        assert factories.answers(session, made)[answered] == (None, 2)  # a yes, and its undo


def test_the_back_button_shows_the_same_picture_and_doubles_nothing(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    answered = seat.answer(page, "y")
    seat.all_saved(page)
    now = seat.shown(page)
    page.goto("/")
    page.go_back()
    assert seat.shown(page) == now
    assert seat.answer(page, "n") == now
    seat.all_saved(page)
    with server.sessions() as session:
        kept = factories.answers(session, made)
    assert [kept[answered], kept[now or 0]] == [("yes", 1), ("no", 1)]
