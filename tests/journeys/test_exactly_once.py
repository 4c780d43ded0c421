"""No decision is made twice and none is lost, whatever happens to keys, pages and the network."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import delete, select, update

from app.db.tables import Proposal, Round, User, WebSession
from app.domain.round import RoundState
from tests import factories
from tests.journeys import seat
from tests.journeys.conftest import Server, Visit, login_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]
DECISIONS = "**/decisions"


def take_seat(visit: Visit, made: factories.Labeling, name: str = "ada") -> Page:
    return visit(f"/projects/{made.slug}/label", login_of(name, made))


def decided(server: Server, made: factories.Labeling) -> dict[int, str]:
    """The answers by proposal; fails when a proposal has more than one decision."""
    with server.sessions() as session:
        kept = factories.answers(session, made)
    assert all(number <= 1 for _, number in kept.values())
    return {proposal: answer for proposal, (answer, _) in kept.items() if answer is not None}


def test_a_key_held_for_three_seconds_answers_once(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    first = seat.shown(page)
    page.wait_for_timeout(200)  # longer than the guard: the first press counts
    for _ in range(90):
        page.keyboard.down("y")  # every one after the first is a repeat
        page.wait_for_timeout(33)
    page.keyboard.up("y")
    seat.all_saved(page)
    assert decided(server, made) == {first: "yes"}


def test_repeats_that_look_like_presses_answer_once(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    first = seat.shown(page)
    page.wait_for_timeout(200)
    # What a remote desktop makes of a held key: fresh presses without the mark of a repeat.
    page.evaluate(
        """async () => {
          for (let press = 0; press < 40; press += 1) {
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "y", bubbles: true }));
            await new Promise((resolve) => setTimeout(resolve, 30));
          }
        }"""
    )
    seat.all_saved(page)
    assert decided(server, made) == {first: "yes"}


def test_enter_held_on_the_button_answers_once(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    first = seat.shown(page)
    page.wait_for_timeout(500)
    page.locator("[data-answer=no]").focus()
    for _ in range(30):
        page.keyboard.down("Enter")
        page.wait_for_timeout(33)
    page.keyboard.up("Enter")
    seat.all_saved(page)
    assert decided(server, made) == {first: "no"}


def test_a_double_click_answers_once(server: Server, labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    first = seat.shown(page)
    page.wait_for_timeout(500)
    page.locator("[data-answer=yes]").dblclick(delay=20)
    seat.all_saved(page)
    assert decided(server, made) == {first: "yes"}


def test_a_lost_response_is_asked_for_again_with_the_same_key(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    keys, statuses = [], []

    def lose_the_first_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        answer = route.fetch()
        statuses.append(answer.status)
        if len(keys) == 1:
            route.abort()
        else:
            route.fulfill(response=answer)

    page.route(DECISIONS, lose_the_first_answer)
    first, second = seat.answer(page, "y"), seat.answer(page, "n")
    seat.all_saved(page)
    assert keys[0] == keys[1] != keys[2]
    assert statuses == [201, 200, 201]
    assert decided(server, made) == {first: "yes", second: "no"}


def test_what_is_answered_offline_arrives_once_and_in_order(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    seat.shown(page)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    answered = {
        seat.answer(page, key): word for key, word in zip("yny", ("yes", "no", "yes"), strict=True)
    }
    expect(page.locator("#sync")).to_have_text("Offline, 3 waiting")
    expect(page.locator("#progress-text")).to_have_text("3 of 12, yours 3")
    assert decided(server, made) == {}
    page.keyboard.press("z")  # never sent, so it can be taken back without the network
    expect(page.locator("#sync")).to_have_text("Offline, 2 waiting")
    assert seat.answer(page, "n") == list(answered)[-1]
    page.context.set_offline(False)
    seat.all_saved(page)
    assert decided(server, made) == answered | {list(answered)[-1]: "no"}
    assert seat.shown(page) is not None


def test_unsent_decisions_survive_a_reload_and_go_first(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    warnings = []
    page.on("dialog", lambda dialog: warnings.append(dialog.type))
    page.route(DECISIONS, lambda route: route.abort())
    answered = [seat.answer(page, "y"), seat.answer(page, "n")]
    assert seat.unsent(page) == 2
    page.unroute(DECISIONS)
    order: list[str] = []
    page.on("request", lambda request: order.append(request.url.rsplit("/", 1)[1]))
    page.reload()
    assert warnings == ["beforeunload"]
    seat.all_saved(page)
    assert seat.shown(page) not in answered
    assert order.index("lease") > order.index("decisions")
    assert decided(server, made) == dict(zip(answered, ("yes", "no"), strict=True))


def test_a_reload_in_the_middle_shows_the_same_picture(labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    seat.answer(page, "y")
    seat.all_saved(page)
    before = seat.shown(page)
    for _ in range(2):
        page.reload()
        assert seat.shown(page) == before
    expect(page.locator("#progress-text")).to_have_text("1 of 12, yours 1")


def test_two_labelers_never_see_the_same_proposal(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=8)
    pages = [take_seat(visit, made, name) for name in ("ada", "bert")]
    seen: list[set[int]] = [set(), set()]
    while any(seat.shown(page) for page in pages):
        for page, mine in zip(pages, seen, strict=True):
            if seat.shown(page) is not None:
                mine.add(seat.answer(page, "y"))
    for page in pages:
        seat.all_saved(page)
    assert not seen[0] & seen[1]
    assert all(seen)
    assert decided(server, made) == dict.fromkeys(made.proposal_ids, "yes")
    expect(pages[0].locator("#rest-title")).to_have_text("All 16 are decided")


def test_two_tabs_of_one_user_never_show_the_same_proposal(labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=8)
    page = take_seat(visit, made)
    first = seat.shown(page)
    other = page.context.new_page()
    # A duplicated tab begins with a copy of the session storage.
    name = page.evaluate("sessionStorage.getItem('vetted:client')")
    other.add_init_script(f"sessionStorage.setItem('vetted:client', '{name}')")
    other.goto(page.url)
    assert seat.shown(other) not in {first, None}


def test_a_lease_that_went_to_another_costs_one_gentle_message(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    lost = seat.shown(page)
    with server.sessions.begin() as session:
        bert = session.scalars(select(User.id).where(User.login == login_of("bert", made))).one()
        session.execute(
            update(Proposal)
            .where(Proposal.id == lost)
            .values(
                lease_user_id=bert,
                lease_token="other",
                lease_client="other",
                lease_expires_at=datetime.now(UTC) + timedelta(minutes=5),
            )
        )
    assert seat.answer(page, "y") == lost
    expect(page.locator("#toast")).to_contain_text("went to another labeler")
    kept = seat.answer(page, "n")
    seat.all_saved(page)
    assert decided(server, made) == {kept: "no"}


def test_a_round_that_closes_meanwhile_is_said(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    seat.shown(page)
    with server.sessions.begin() as session:
        session.execute(
            update(Round).where(Round.id == made.round_id).values(state=RoundState.CLOSED)
        )
    seat.answer(page, "y")
    expect(page.locator("#toast-rest, #toast").first).to_contain_text("Round 1 is over")
    expect(page.locator("#rest-title")).to_have_text("Between rounds")
    assert seat.unsent(page) == 0
    assert decided(server, made) == {}


def test_who_is_signed_out_keeps_the_answers_and_goes_on_after_signing_in(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    seat.shown(page)
    with server.sessions.begin() as session:
        session.execute(delete(WebSession))
    answered = seat.answer(page, "y")
    expect(page.locator("#rest-title")).to_have_text("You are signed out")
    expect(page.locator("#rest-text")).to_contain_text("One answer waits in this browser")
    page.get_by_role("link", name="Sign in").click()
    page.fill("#login", login_of("ada", made))
    page.fill("#password", factories.PASSWORD)
    page.keyboard.press("Enter")
    assert seat.shown(page) != answered
    seat.all_saved(page)
    assert decided(server, made) == {answered: "yes"}
