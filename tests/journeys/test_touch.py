"""One thumb: swipes that answer, a pinch that enlarges, a press that is held."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests import factories
from tests.journeys import seat
from tests.journeys.conftest import Server, Visit, login_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
Point = tuple[float, float]


@dataclass(frozen=True)
class Fingers:
    """Fingers on the picture; points are from its middle."""

    page: Page
    cdp: CDPSession
    middle: Point

    def put(self, kind: str, *points: Point) -> None:
        x, y = self.middle
        touches = [{"x": x + dx, "y": y + dy, "id": i} for i, (dx, dy) in enumerate(points)]
        self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def drag(self, *path: Point) -> None:
        self.put("touchStart", (0, 0))
        for point in path:
            self.put("touchMove", point)

    def lift(self) -> None:
        self.put("touchEnd")

    def swipe(self, dx: float, dy: float) -> int:
        """Swipe until it answers, and give the proposal."""

        def once() -> None:
            self.drag((dx / 3, dy / 3), (dx * 2 / 3, dy * 2 / 3), (dx, dy))
            self.lift()

        return seat.until_answered(self.page, once)


def take_seat(visit: Visit, made: factories.Labeling, locale: str = "en") -> Fingers:
    page = visit(f"/projects/{made.slug}/label", login_of("ada", made), **PHONE, locale=locale)
    seat.shown(page)
    pane = page.locator("#pane").bounding_box()
    assert pane is not None
    middle = (pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2)
    return Fingers(page, page.context.new_cdp_session(page), middle)


@pytest.mark.parametrize(("locale", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_right_is_yes_left_is_no_up_is_unsure(
    server: Server, labeling: Make, visit: Visit, locale: str, direction: str
) -> None:
    """In every language: a hand that has learned it does not learn it again."""
    made = labeling(proposals=6)
    fingers = take_seat(visit, made, locale)
    expect(fingers.page.locator("html")).to_have_attribute("dir", direction)
    answered = {
        fingers.swipe(150, 10): "yes",
        fingers.swipe(-150, -10): "no",
        fingers.swipe(10, -150): "unsure",
        seat.answer(fingers.page, "ArrowRight"): "yes",
        seat.answer(fingers.page, "ArrowLeft"): "no",
    }
    no, yes = (
        fingers.page.locator(f"[data-answer={word}]").bounding_box() for word in ("no", "yes")
    )
    assert no is not None
    assert yes is not None
    assert no["x"] < yes["x"]  # the buttons stand as the finger goes
    seat.all_saved(fingers.page)
    with server.sessions() as session:
        kept = factories.answers(session, made)
    assert {proposal: kept[proposal][1] for proposal in answered} == dict.fromkeys(answered, 1)
    assert {
        proposal: kept[proposal][0] for proposal, word in answered.items() if word != "unsure"
    } == {proposal: word for proposal, word in answered.items() if word != "unsure"}


def test_the_finger_sees_what_it_would_answer_and_bringing_it_back_cancels(
    labeling: Make, visit: Visit
) -> None:
    fingers = take_seat(visit, labeling(proposals=3))
    page, verdict = fingers.page, fingers.page.locator("#verdict")
    before = seat.shown(page)
    page.wait_for_timeout(400)  # longer than the guard: a swipe would count
    fingers.drag((-30, 0))
    expect(verdict).to_have_text("No")
    expect(verdict).to_have_class("verdict no")
    fingers.put("touchMove", (-150, 0))
    expect(verdict).to_have_class("verdict no far")
    fingers.put("touchMove", (-20, 0))
    fingers.lift()
    expect(verdict).to_be_hidden()
    for path in ((20, 0), (0, 150)):  # too short; down means nothing
        fingers.drag(path)
        fingers.lift()
    fingers.drag((150, 0))
    fingers.put("touchCancel")
    assert seat.shown(page) == before
    assert seat.unsent(page) == 0
    expect(page.locator("#undo")).to_be_disabled()


def test_two_fingers_enlarge_and_then_one_moves_instead_of_answering(
    labeling: Make, visit: Visit
) -> None:
    fingers = take_seat(visit, labeling(proposals=3))
    page = fingers.page
    before = seat.shown(page)
    page.wait_for_timeout(400)
    fingers.put("touchStart", (-40, 0), (40, 0))
    fingers.put("touchMove", (-80, 0), (80, 0))
    fingers.put("touchMove", (-100, 0), (100, 0))
    fingers.lift()
    expect(page.locator("#zoom-reset")).to_have_text(re.compile("^2.5 "))
    fingers.drag((80, 0), (160, 0))
    fingers.lift()
    assert seat.shown(page) == before
    expect(page.locator("#undo")).to_be_disabled()
    page.locator("#zoom-reset").tap()
    assert fingers.swipe(150, 0) == before


def test_no_held_asks_why(labeling: Make, visit: Visit) -> None:
    fingers = take_seat(visit, labeling(proposals=3))
    page = fingers.page
    before = seat.shown(page)
    place = page.locator("[data-answer=no]").bounding_box()
    assert place is not None
    button = Fingers(page, fingers.cdp, (place["x"] + 20, place["y"] + 20))
    button.put("touchStart", (0, 0))
    expect(page.locator("#reasons")).to_be_visible()
    button.lift()
    page.locator("#reasons [data-close]").tap()
    assert seat.shown(page) == before
    expect(page.locator("#undo")).to_be_disabled()
