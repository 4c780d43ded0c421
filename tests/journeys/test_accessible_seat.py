"""The labeler page for everyone: in each look, and in each state that it comes into."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from app.db.tables import Project, User
from tests import factories
from tests.journeys import seat
from tests.journeys.beside import with_contrast
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import DESK, LOOKS, PHONE, Look, name_of
from tests.journeys.test_accessible import SIDEWAYS, SMALL

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]
FAR_APART = [
    {"color_scheme": "light", "viewport": DESK, "locale": "en"},
    {"color_scheme": "dark", "viewport": PHONE, "locale": "ar"},
]


@pytest.fixture
def shown_all(server: Server, labeling: Make) -> Make:
    """A project that shows all there is to show, and reminds ada of a break after a minute."""

    def make(**options: int) -> factories.Labeling:
        made = labeling(**options)
        with_contrast(server, made)
        shows = {"show_confidence": True, "show_others": True, "show_gold": True}
        with server.sessions.begin() as session:
            session.execute(update(Project).where(Project.id == made.project_id).values(shows))
            session.execute(
                update(User)
                .where(User.login == login_of("ada", made))
                .values(preferences={"break_minutes": 1})
            )
        return made

    return make


def seat_of(made: factories.Labeling) -> str:
    return f"/projects/{made.slug}/label"


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_the_question_and_all_that_opens_over_it(shown_all: Make, visit: Visit, look: Look) -> None:
    made = shown_all(proposals=3)
    page = visit(seat_of(made), login_of("ada", made), **look)
    seat.shown(page)
    expect(page.locator("#hints")).to_be_visible()
    expect(page.locator("#contrast section")).to_have_count(3)
    assert_accessible(page)
    seat_dialogs = (("?", "help"), ("r", "reasons"), ("3", "viewer"))
    for key, dialog in seat_dialogs:
        assert_accessible_while_open(page, key, dialog)
    page.keyboard.press("+")  # the button that shows the picture whole is there
    assert_accessible(page)
    seat.answer(page, "y")
    seat.all_saved(page)
    expect(page.locator("#numbers")).not_to_be_empty()
    assert_accessible_while_open(page, "h", "history")


def assert_accessible_while_open(page: Page, key: str, dialog: str) -> None:
    page.keyboard.press(key)
    expect(page.locator(f"#{dialog}")).to_be_visible()
    assert_accessible(page)
    page.keyboard.press("Escape")
    expect(page.locator(f"#{dialog}")).to_be_hidden()


@pytest.mark.parametrize("look", FAR_APART, ids=name_of)
def test_a_break_and_all_decided(shown_all: Make, visit: Visit, look: Look) -> None:
    made = shown_all(proposals=1)
    page = visit("/", login_of("ada", made), **look)
    page.clock.install()
    page.goto(seat_of(made))
    seat.shown(page)
    for _ in range(2):
        page.keyboard.press("Shift")  # somebody is at work
        page.clock.fast_forward("01:05")
    page.keyboard.press("Shift")
    expect(page.locator("#break")).not_to_be_empty()
    assert_accessible(page)
    seat.answer(page, "y")
    expect(page.locator("#changed")).to_be_visible()  # another category now
    assert_accessible(page)
    seat.answer(page, "n")
    expect(page.locator("#rest-undo")).to_be_visible()
    assert_accessible(page)


@pytest.mark.parametrize("look", FAR_APART, ids=name_of)
def test_what_goes_wrong(shown_all: Make, visit: Visit, look: Look) -> None:
    made = shown_all(proposals=3)
    page = visit(seat_of(made), login_of("ada", made), **look)
    seat.shown(page)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    seat.answer(page, "y")
    expect(page.locator("#sync")).to_have_attribute("data-state", "offline")
    assert_accessible(page)
    page.context.set_offline(False)
    seat.all_saved(page)
    page.route("**/screen", lambda route: route.abort())
    page.reload()
    expect(page.locator("#candidate")).to_have_class("candidate broken")
    assert_accessible(page)
    page.unroute("**/screen")
    page.locator("#pane button").click()
    expect(page.locator("#candidate")).to_have_class("candidate")
    page.context.clear_cookies()
    seat.answer(page, "n")
    expect(page.locator("#rest-link")).to_be_visible()
    assert_accessible(page)


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_the_question_reflows_at_double_size(shown_all: Make, visit: Visit, locale: str) -> None:
    """As the other pages: 1280 pixels at 200 % and at 400 %."""
    made = shown_all(proposals=2)
    page = visit(seat_of(made), login_of("ada", made), locale=locale, device_scale_factor=2)
    for width in (640, 320):
        page.set_viewport_size({"width": width, "height": 400})
        seat.shown(page)
        assert page.evaluate(SIDEWAYS) == 0, width
        assert page.evaluate(SMALL) == [], width


LONGEST = """() => Math.max(...[...document.querySelectorAll("*")].flatMap((each) =>
    ["", "::before", "::after"].flatMap((part) => {
        const style = getComputedStyle(each, part);
        return [style.animationDuration, style.transitionDuration].flatMap(
            (text) => text.split(", ").map(parseFloat));
    })))"""


@pytest.mark.parametrize("wish", ["no-preference", "reduce"])
def test_nothing_moves_for_those_who_want_it_still(labeling: Make, visit: Visit, wish: str) -> None:
    """The sign on a pressed button, the glow of another category, the spinner."""
    made = labeling(proposals=1)
    page = visit(seat_of(made), login_of("ada", made), reduced_motion=wish)
    seat.answer(page, "y")
    expect(page.locator("#stage")).to_have_class("stage fresh")
    expect(page.locator("[data-answer=yes]")).to_have_class("answer yes pressed")
    longest = page.evaluate(LONGEST)  # seconds
    if wish == "reduce":
        assert longest < 0.001
    else:
        assert longest > 0.2
