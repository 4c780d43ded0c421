"""Keys that a person chose, and the day's work: its numbers and its breaks."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import update

from app.db.tables import Project, Proposal
from tests import factories
from tests.journeys import seat
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]


def take_seat(visit: Visit, made: factories.Labeling) -> Page:
    page = visit(f"/projects/{made.slug}/label", login_of("ada", made))
    seat.shown(page)
    return page


def change(page: Page, action: str, key: str) -> Locator:
    """Give an action another key, and the line that tells what came of it."""
    page.locator(f"#key-list button[data-action={action}]").click()
    page.keyboard.press(key)
    return page.locator("#key-note")


def test_a_changed_key_is_said_kept_and_the_old_one_means_nothing(
    labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    page.keyboard.press("?")
    assert_accessible(page)
    with page.expect_response("**/me/preferences") as kept:
        expect(change(page, "yes", "j")).to_have_text("J is now: Yes, it is one.")
    assert kept.value.ok
    page.keyboard.press("Escape")
    expect(page.locator("[data-answer=yes] kbd")).to_have_text("J")
    first = seat.answer(page, "j")
    seat.all_saved(page)
    page.reload()
    now = seat.shown(page)
    assert now != first
    page.wait_for_timeout(200)  # longer than the guard: a yes would count
    page.keyboard.press("y")
    page.keyboard.press("ArrowRight")
    assert seat.shown(page) == now
    assert seat.answer(page, "j") == now
    # The same person in another browser.
    other = take_seat(visit, made)
    expect(other.locator("[data-answer=yes] kbd")).to_have_text("J")
    other.keyboard.press("?")
    with other.expect_response("**/me/preferences"):
        other.locator("#key-reset").click()
    expect(other.locator("#key-note")).to_contain_text("as they were at first")
    expect(other.locator("#key-reset")).to_be_hidden()
    other.reload()
    seat.answer(other, "y")


def test_keys_that_are_taken_or_needed_are_refused(labeling: Make, visit: Visit) -> None:
    page = take_seat(visit, labeling(proposals=2))
    before = seat.shown(page)
    page.keyboard.press("?")
    expect(change(page, "yes", "n")).to_have_text("N is already: No, it is not. Press another key.")
    page.keyboard.press("Enter")  # still asked for; a dialog needs this one
    expect(page.locator("#key-note")).to_contain_text("Enter is needed for other things")
    page.keyboard.press("Escape")  # leaves the key, not the dialog
    expect(page.locator("#key-note")).to_be_empty()
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    expect(page.locator("[data-answer=yes] kbd")).to_have_text("Y")
    assert seat.shown(page) == before


def test_a_break_is_suggested_and_takes_nothing(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=12)
    page = visit("/", login_of("ada", made))
    page.clock.install(time=datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    page.goto(f"/projects/{made.slug}/label")
    seat.shown(page)
    reminder = page.locator("#break")

    def later(clock: str) -> None:
        page.clock.fast_forward(clock)
        seat.shown(page)

    for _ in range(13):  # an answer every four minutes is work without a break
        seat.answer(page, "y")
        expect(reminder).to_be_empty()
        later("04:00")
    seat.answer(page, "n")
    expect(reminder).to_contain_text("52 minutes without a pause")
    later("00:02")
    seat.answer(page, "n")  # an answer that comes at once neither waits nor hides it
    expect(reminder).not_to_be_empty()
    later("00:10")
    seat.answer(page, "n")
    expect(reminder).to_be_empty()
    seat.all_saved(page)
    with server.sessions() as session:
        kept = factories.answers(session, made)
    assert sum(1 for answer, _ in kept.values() if answer is not None) == 16
    assert max(number for _, number in kept.values()) == 1
    later("20:00")  # a pause begins the count anew
    for _ in range(3):
        seat.answer(page, "y")
        later("04:00")
    expect(reminder).to_be_empty()


def test_known_answers_are_counted_only_where_the_lead_shows_them(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=3)
    with server.sessions.begin() as session:
        known = zip(made.proposal_ids[:2], ("yes", "no"), strict=True)
        for proposal, word in known:
            session.execute(update(Proposal).where(Proposal.id == proposal).values(gold=word))
    page = take_seat(visit, made)
    assert [seat.answer(page, key) for key in "yyy"] == list(made.proposal_ids[:3])
    seat.all_saved(page)
    numbers = page.locator("#numbers")
    for shows, text in ((False, "3 answers today"), (True, "1 of 2 known ones right")):
        with server.sessions.begin() as session:
            session.execute(
                update(Project).where(Project.id == made.project_id).values(show_gold=shows)
            )
        page.reload()
        seat.shown(page)
        expect(numbers).to_contain_text(text)
        assert ("known" in numbers.inner_text()) is shows
