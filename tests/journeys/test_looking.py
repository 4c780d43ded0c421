"""Looking closely: zoom up to the original's pixels, and what stands beside the picture."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from app.db.tables import Project
from tests import factories
from tests.journeys import seat
from tests.journeys.beside import with_contrast
from tests.journeys.conftest import Server, Visit, login_of
from tests.journeys.painting import HEIGHT, WIDTH, paint_large

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]

IMAGE = "#pane img"
BOX = """() => {
  const { left, top, width, height } = document.querySelector("#pane img").getBoundingClientRect();
  return { left, top, width, height };
}"""
Box = dict[str, float]


def take_seat(visit: Visit, made: factories.Labeling, **options: object) -> Page:
    page = visit(f"/projects/{made.slug}/label", login_of("ada", made), **options)
    seat.shown(page)
    return page


def box(page: Page) -> Box:
    return page.evaluate(BOX)


def middle(page: Page) -> tuple[float, float]:
    pane = page.locator("#pane").bounding_box()
    assert pane is not None
    return pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2


def test_the_wheel_enlarges_at_the_pointer_up_to_the_pixels_of_the_original(
    labeling: Make, visit: Visit
) -> None:
    page = take_seat(visit, labeling(proposals=2, exemplars=1, painter=paint_large))
    x, y = middle(page)
    x, y = x + 60, y - 40
    page.mouse.move(x, y)
    before = box(page)
    page.mouse.wheel(0, -300)
    expect(page.locator("#zoom-reset")).to_be_visible()
    after = box(page)
    # What was under the pointer is still there.
    assert (x - after["left"]) / after["width"] == pytest.approx(
        (x - before["left"]) / before["width"], abs=0.002
    )
    for _ in range(8):
        page.mouse.wheel(0, -600)
    expect(page.locator("#pane")).to_have_attribute("data-pixels", "original")
    assert page.locator(IMAGE).evaluate("image => image.naturalWidth") == WIDTH
    # The picture fills its element to the height; one of its pixels is at least one of the page.
    assert box(page)["height"] >= HEIGHT - 1
    for _ in range(20):
        page.mouse.wheel(0, 600)
    expect(page.locator("#zoom-reset")).to_be_hidden()
    assert box(page) == before


def test_keys_enlarge_move_and_show_whole_and_the_next_picture_is_whole(
    labeling: Make, visit: Visit
) -> None:
    page = take_seat(visit, labeling(proposals=3, exemplars=1, painter=paint_large))
    whole = box(page)
    page.keyboard.press("+")
    page.keyboard.press("=")
    large = box(page)
    assert large["width"] == pytest.approx(2.25 * whole["width"], rel=0.01)
    page.keyboard.press("Shift+ArrowRight")  # moves; it answers nothing
    assert box(page)["left"] < large["left"]
    page.keyboard.press("-")
    page.keyboard.press("0")
    assert box(page) == whole
    page.keyboard.press("+")
    seat.answer(page, "y")
    expect(page.locator("#zoom-reset")).to_be_hidden()
    assert box(page) == whole
    seat.all_saved(page)
    page.keyboard.press("+")
    page.keyboard.press("z")  # the picture that comes back is whole, too
    expect(page.locator("#toast")).to_contain_text("Undone")
    expect(page.locator("#zoom-reset")).to_be_hidden()


def test_a_double_click_enlarges_and_a_drag_moves(labeling: Make, visit: Visit) -> None:
    page = take_seat(visit, labeling(proposals=2, exemplars=1))
    x, y = middle(page)
    whole = box(page)
    page.mouse.dblclick(x, y)
    large = box(page)
    assert large["width"] == pytest.approx(2.5 * whole["width"], rel=0.01)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y + 30, steps=3)
    page.mouse.up()
    moved = box(page)
    assert moved["left"] - large["left"] == pytest.approx(50, abs=1)
    assert moved["top"] - large["top"] == pytest.approx(30, abs=1)
    page.wait_for_timeout(350)  # a later click is none of a double click
    page.mouse.dblclick(x, y)
    assert box(page) == whole


def test_without_the_original_the_copy_stays(labeling: Make, visit: Visit) -> None:
    page = take_seat(visit, labeling(proposals=2, exemplars=1, painter=paint_large))
    page.route("**/original", lambda route: route.abort())
    for _ in range(8):
        page.keyboard.press("+")
        page.keyboard.press("=")
    expect(page.locator("#pane")).to_have_attribute("data-pixels", "copy")
    seat.answer(page, "y")
    expect(page.locator("#pane")).to_have_attribute("data-pixels", "screen")


def test_what_is_not_one_stands_apart_and_all_enlarge_beside_the_picture(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=3)
    with_contrast(server, made)
    page = take_seat(visit, made)
    groups = page.locator("#contrast section")
    expect(groups.locator("h3")).to_have_text(
        ["Examples", "Easily taken for Alpine aster", "Refused as Spring gentian"]
    )
    assert [groups.nth(place).locator("img").count() for place in range(3)] == [2, 2, 1]
    page.keyboard.press("3")
    expect(page.locator("#viewer-title")).to_have_text("Easily taken for Alpine aster")
    expect(page.locator("#viewer-place")).to_have_text("1 of 2")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-title")).to_have_text("Refused as Spring gentian")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-place")).to_have_text("Example 1 of 2")
    page.keyboard.press("Escape")
    expect(page.locator("#hints")).to_be_hidden()  # the model's confidence leads the answer
    seat.answer(page, "y")
    # The next one has nothing of its own: the category's examples stand beside it.
    expect(groups.locator("h3")).to_have_text(["Examples"])
    expect(page.locator("#exemplars img")).to_have_count(3)


def test_what_leads_the_answer_is_shown_only_where_the_lead_lets_it(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=2)
    bert = visit(f"/projects/{made.slug}/label", login_of("bert", made))
    passed_on = seat.answer(bert, "u")
    seat.all_saved(bert)
    bert.context.close()
    page = take_seat(visit, made)
    assert seat.shown(page) == passed_on
    hints = page.locator("#hints")
    expect(hints).to_be_hidden()
    assert hints.text_content() == ""
    for shows, text in (
        ({"show_confidence": True}, "The model: 90 % sure"),
        ({"show_others": True}, "The model: 90 % sure · Somebody else: unsure"),
    ):
        with server.sessions.begin() as session:
            session.execute(update(Project).where(Project.id == made.project_id).values(shows))
        page.reload()
        assert seat.shown(page) == passed_on
        expect(hints).to_have_text(text)
