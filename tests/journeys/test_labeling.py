"""From sign-in to a grown dataset, with keys only."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from app.db.tables import Example, HardNegative
from tests import factories
from tests.journeys import seat
from tests.journeys.conftest import Server, Visit, login_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]


def sign_in_with_keys(page: Page, login: str) -> None:
    expect(page.locator("input[name=login]")).to_be_focused()
    page.keyboard.type(login)
    page.keyboard.press("Tab")
    page.keyboard.type(factories.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("#seat")


def test_a_round_with_keys_only(server: Server, labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=6)
    lead = visit(f"/projects/{made.slug}", login_of("lena", made))
    expect(lead.locator("#decided")).to_contain_text("0 of 12")
    page = visit(f"/projects/{made.slug}/label")
    sign_in_with_keys(page, login_of("ada", made))
    expect(page.locator("#question")).to_have_text("Is this a Spring gentian?")
    expect(page.locator("#definition strong")).to_have_text("deep blue")
    expect(page.locator("#exemplars img")).to_have_count(3)

    answered = [seat.answer(page, key) for key in ("y", "n", "n", "ArrowRight", "ArrowLeft", "y")]
    expect(page.locator("#changed")).to_be_visible()  # another category now
    expect(page.locator("#question")).to_have_text("Is this an Alpine aster?")
    expect(page.locator("#look-alike-names")).to_have_text("Spring gentian")
    answered += [seat.answer(page, key) for key in "yyyy"]
    expect(page.locator("#changed")).to_be_hidden()
    assert len(set(answered)) == 10
    expect(page.locator("#progress-text")).to_have_text("10 of 12, yours 10")
    seat.all_saved(page)

    # The lead sees it without a reload.
    expect(lead.locator("#decided")).to_contain_text("10 of 12")

    before = seat.shown(page)
    page.keyboard.press("z")
    expect(page.locator("#stage")).to_have_attribute("data-proposal", str(answered[-1]))
    expect(page.locator("#progress-text")).to_have_text("9 of 12, yours 9")
    page.reload()
    assert seat.shown(page) == answered[-1]
    page.keyboard.press("Backspace")  # undo reaches across the reload
    expect(page.locator("#stage")).to_have_attribute("data-proposal", str(answered[-2]))
    assert [seat.answer(page, "n"), seat.answer(page, "n"), seat.shown(page)] == [
        answered[-2],
        answered[-1],
        before,
    ]
    rest = [seat.answer(page, "y"), seat.answer(page, "y")]
    expect(page.locator("#rest-title")).to_have_text("All 12 are decided")
    seat.all_saved(page)

    with server.sessions() as session:
        kept = factories.answers(session, made)
    assert set(answered) | set(rest) == set(kept)
    assert [kept[proposal][0] for proposal in answered] == [
        *("yes", "no", "no", "yes", "no", "yes"),
        *("yes", "yes", "no", "no"),
    ]
    assert [kept[proposal][1] for proposal in answered] == [1] * 8 + [3, 3]
    close_and_look(server, made, lead, page)


def close_and_look(server: Server, made: factories.Labeling, lead: Page, page: Page) -> None:
    expect(lead.locator("#decided")).to_contain_text("12 of 12")
    expect(lead.locator("#decided")).to_contain_text("7 yes, 5 no")
    lead.get_by_role("button", name="Close the round …").click()
    dialog = lead.get_by_role("dialog")
    expect(dialog).to_contain_text("7 yes join the dataset. 5 no become hard negatives.")
    dialog.get_by_role("button", name="Close the round").click()
    expect(lead.get_by_role("button", name="Start round 2")).to_be_visible()
    for label, value in (("Dataset", "13"), ("Hard negatives", "5")):  # 6 seeds and 7 found
        headline = lead.locator(".headline", has=lead.get_by_text(label, exact=True))
        expect(headline.locator("dd").first).to_have_text(value)
    expect(lead.locator("tr[data-round='1'] .state")).to_have_text("Closed")
    expect(page.locator("#rest-title")).to_have_text("Between rounds")
    with server.sessions() as session:
        of = made.project_id
        grown = select(func.count()).where(Example.project_id == of, Example.round_id.is_not(None))
        assert session.scalars(grown).one() == 7
        no = select(func.count()).where(HardNegative.project_id == of)
        assert session.scalars(no).one() == 5


def test_what_one_is_unsure_of_waits_for_another(labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=1)
    ada = visit(f"/projects/{made.slug}/label", login_of("ada", made))
    unsure = [seat.answer(ada, "u"), seat.answer(ada, "u")]
    expect(ada.locator("#rest-title")).to_have_text("No open proposals for you now")
    expect(ada.locator("#rest-text")).to_have_text("The last 2 wait for somebody else.")
    bert = visit(f"/projects/{made.slug}/label", login_of("bert", made))
    assert [seat.answer(bert, "y"), seat.answer(bert, "n")] == unsure
    expect(bert.locator("#rest-title")).to_have_text("All 2 are decided")
    expect(ada.locator("#rest-title")).to_have_text("All 2 are decided")


def test_a_round_that_cannot_start_says_why_beside_the_button(labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=1)
    page = visit(f"/projects/{made.slug}/label", login_of("ada", made))
    seat.answer(page, "y")
    seat.answer(page, "y")
    seat.all_saved(page)
    lead = visit(f"/projects/{made.slug}", login_of("lena", made))
    lead.get_by_role("button", name="Close the round …").click()
    lead.get_by_role("dialog").get_by_role("button", name="Close the round").click()
    lead.get_by_role("button", name="Start round 2").click()
    expect(lead.locator("#refusal")).to_contain_text("No candidate is left to score")


def test_cancelling_says_what_it_does(labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=1)
    lead = visit(f"/projects/{made.slug}", login_of("lena", made))
    lead.get_by_role("button", name="Cancel the round …").click()
    dialog = lead.get_by_role("dialog")
    expect(dialog).to_contain_text("The dataset stays as it is")
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_be_hidden()
    lead.get_by_role("button", name="Cancel the round …").click()
    dialog.get_by_role("button", name="Cancel the round").click()
    expect(lead.locator("tr[data-round='1'] .state")).to_have_text("Cancelled")


def test_exemplars_enlarge_beside_the_picture(labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=2)
    page = visit(f"/projects/{made.slug}/label", login_of("ada", made))
    proposal = seat.shown(page)
    page.keyboard.press("e")
    place = page.locator("#viewer-place")
    expect(place).to_have_text("Example 1 of 3")
    page.keyboard.press("ArrowRight")  # goes through the examples; it answers nothing
    expect(place).to_have_text("Example 2 of 3")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(place).to_have_text("Example 3 of 3")
    page.keyboard.press("y")
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()
    assert seat.shown(page) == proposal
    page.locator("#exemplars button").nth(1).click()
    expect(place).to_have_text("Example 2 of 3")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Undo the last answer")


def test_the_next_picture_is_decoded_before_it_is_needed(labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=5)
    page = visit(f"/projects/{made.slug}/label", login_of("ada", made))
    seat.shown(page)
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    seat.answer(page, "y")
    # Shown in the very task that handled the key, and not fetched for it.
    assert page.evaluate("document.querySelector('#candidate img').complete")
    now = page.locator("#candidate img").get_attribute("src")
    assert now is not None
    assert not any(url.endswith(now) for url in asked)


def width_too_much(page: Page) -> int:
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


@pytest.mark.parametrize("width", [390, 320])
def test_no_page_scrolls_sideways_on_a_phone(labeling: Make, visit: Visit, width: int) -> None:
    made = labeling(proposals=6)
    screen = {"viewport": {"width": width, "height": 844}, "has_touch": True}
    page = visit(f"/projects/{made.slug}", login_of("lena", made), **screen)
    for path in (f"/projects/{made.slug}", "/", "/no/such/page", f"/projects/{made.slug}/label"):
        page.goto(path)
        assert width_too_much(page) == 0, path
    seat.shown(page)
    assert width_too_much(page) == 0
    buttons = page.locator(".answer")
    for place in range(buttons.count()):
        expect(buttons.nth(place)).to_be_in_viewport(ratio=1)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.locator("[data-answer=yes]").tap()
    expect(page.locator("#sync")).to_have_text("Offline, 1 waiting")
    assert width_too_much(page) == 0
