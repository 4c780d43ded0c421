"""Without the network, and after a sleep: the labeler goes on, and nothing is doubled or lost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from app.db.tables import Proposal
from tests import factories
from tests.journeys import seat
from tests.journeys.conftest import Server, Visit, login_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]
ANSWERS = 30
ALL_LOADED = """async () => {
  const { performance } = window;
  const screens = () => performance.getEntriesByType("resource").filter(
    ({ name, responseEnd }) => name.endsWith("/screen") && responseEnd > 0).length;
  while (screens() < %d) await new Promise(requestAnimationFrame);
  return true;
}"""


def take_seat(visit: Visit, made: factories.Labeling, name: str = "ada") -> Page:
    page = visit(f"/projects/{made.slug}/label", login_of(name, made))
    seat.shown(page)
    return page


def kept(server: Server, made: factories.Labeling) -> dict[int, tuple[str | None, int]]:
    with server.sessions() as session:
        return factories.answers(session, made)


def test_thirty_answers_without_the_network(server: Server, labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=45)
    page = take_seat(visit, made)
    page.wait_for_function(ALL_LOADED % (ANSWERS + 6))
    page.context.set_offline(True)
    seen, answered = set(), []
    for place in range(ANSWERS):
        answered.append(seat.answer(page, "yn"[place % 2]))
        image = page.locator("#pane img")
        assert image.evaluate("image => image.complete && image.naturalWidth > 0")
        seen.add(image.get_attribute("src"))
    assert len(seen) == len(set(answered)) == ANSWERS
    expect(page.locator("#sync")).to_have_text(f"Offline, {ANSWERS} waiting")
    assert all(answer is None for answer, _ in kept(server, made).values())
    page.context.set_offline(False)
    seat.all_saved(page)
    now = kept(server, made)
    assert [now[proposal] for proposal in answered] == [("yes", 1), ("no", 1)] * (ANSWERS // 2)
    assert sum(number for _, number in now.values()) == ANSWERS
    assert seat.shown(page) not in answered


def test_a_tab_that_slept_while_its_leases_ran_out_goes_on(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = take_seat(visit, made)
    before = seat.shown(page)
    with server.sessions.begin() as session:
        session.execute(
            update(Proposal)
            .where(Proposal.round_id == made.round_id)
            .values(lease_expires_at=datetime.now(UTC) - timedelta(minutes=1))
        )
    # Nobody came meanwhile: the answer counts, and the next lease is the same.
    assert seat.answer(page, "y") == before
    seat.all_saved(page)
    assert kept(server, made)[before or 0] == ("yes", 1)


def test_a_tab_that_wakes_after_others_took_its_pictures_says_so(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=6)
    page = visit("/", login_of("ada", made))
    page.clock.install()
    page.goto(f"/projects/{made.slug}/label")
    lost = seat.shown(page)
    with server.sessions.begin() as session:
        session.execute(
            update(Proposal)
            .where(Proposal.round_id == made.round_id)
            .values(lease_expires_at=datetime.now(UTC) - timedelta(minutes=1))
        )
    bert = take_seat(visit, made, "bert")
    theirs = [seat.answer(bert, "n") for _ in range(3)]
    seat.all_saved(bert)
    assert lost in theirs
    page.clock.fast_forward("10:00")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#toast")).to_contain_text("went to another labeler meanwhile")
    mine = seat.answer(page, "y")
    seat.all_saved(page)
    assert mine not in theirs
    now = kept(server, made)
    assert now[mine] == ("yes", 1)
    assert [now[proposal] for proposal in theirs] == [("no", 1)] * 3


def test_leases_are_renewed_while_the_tab_is_looked_at(labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=4)
    page = visit("/", login_of("ada", made))
    page.clock.install()
    page.goto(f"/projects/{made.slug}/label")
    seat.shown(page)
    page.wait_for_load_state("networkidle")
    with page.expect_response("**/proposals/lease") as renewed:
        page.clock.fast_forward("03:10")
    assert len(renewed.value.json()["leases"]) >= 4
    assert renewed.value.json()["proposals"] == []  # the page has them: only the leases come
