"""A lead looks at the map of a round: points, pictures under the pointer, selections."""

import io
import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from PIL import Image as Pillow
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import select

from app.api.dependencies import COOKIE
from app.blobs import FolderBlobs
from app.db.tables import Proposal, User
from tests import factories
from tests.journeys.conftest import BROWSERS, Server, Visit, _session, assert_accessible, login_of
from tests.journeys.test_accessible import LOOKS, name_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]

# Training pictures, then proposals; the first category is to the left, the second to the right.
LEFT = [(-1.0, 0.0), (-0.9, 0.4), (-0.8, -0.4)]
RIGHT = [(1.0, 0.0), (0.9, 0.4), (0.8, -0.4)]
MIDDLE = [(-0.5, 0.3), (-0.4, 0.0), (-0.5, -0.3), (0.5, 0.3), (0.4, 0.0), (0.5, -0.3)]


@pytest.fixture
def mapped(server: Server, labeling: Make) -> factories.Labeling:
    """Twelve pictures; of the first category one proposal is accepted, one is rejected."""
    made = labeling(proposals=3)
    with server.sessions.begin() as session:
        factories.make_map(session, FolderBlobs(server.blobs_dir), made, [*LEFT, *RIGHT, *MIDDLE])
        ada = session.scalars(select(User.id).where(User.login == login_of("ada", made))).one()
        for number, word in zip(made.proposal_ids, ("yes", "no"), strict=False):
            factories.answer(session, session.get_one(Proposal, number), ada, word)
    return made


def pixel(page: Page, place: tuple[float, float]) -> tuple[float, float]:
    """Where in the window a place of the plane is, while all is shown."""
    box = page.locator("#map").bounding_box()
    assert box is not None
    scale = 0.94 * min(box["width"], box["height"]) / 2
    return (
        box["x"] + box["width"] / 2 + place[0] * scale,
        box["y"] + box["height"] / 2 - place[1] * scale,
    )


def colour_at(page: Page, place: tuple[float, float]) -> tuple[int, int, int]:
    """What is drawn at a place."""
    x, y = pixel(page, place)
    shot = page.screenshot(clip={"x": x - 1, "y": y - 1, "width": 3, "height": 3})
    picture = Pillow.open(io.BytesIO(shot)).convert("RGB")
    found = picture.getpixel((1, 1))
    assert isinstance(found, tuple)
    return found[0], found[1], found[2]


def eventually_coloured(page: Page, place: tuple[float, float], wanted: str) -> None:
    """What is drawn at a place has this as its largest part; "none" is the ground."""
    for _ in range(100):
        red, green, blue = colour_at(page, place)
        spread = max(red, green, blue) - min(red, green, blue)
        largest = max(("red", red), ("green", green), ("blue", blue), key=lambda each: each[1])[0]
        if (largest if spread > 40 else "none") == wanted:
            return
        page.evaluate("() => new Promise(requestAnimationFrame)")
    pytest.fail(f"at {place} is {(red, green, blue)}, not {wanted}")


def open_map(visit: Visit, made: factories.Labeling, **options: object) -> Page:
    page = visit(f"/projects/{made.slug}/map", login_of("lena", made), **options)
    page.wait_for_function("() => performance.getEntriesByName('map-drawn').length")
    page.locator("#map").scroll_into_view_if_needed()
    return page


def entry(page: Page, label: str) -> Locator:
    return page.locator(".entry").filter(has=page.locator(".name", has_text=label))


def look_around(page: Page) -> None:
    """Colours, views, pictures under the pointer: the same with and without WebGL."""
    page.get_by_label("Colour by").select_option("kind")
    assert page.locator(".entry .name").all_text_contents() == [
        "Training set",
        "Accepted",
        "Rejected",
        "Open",
    ]
    page.get_by_role("radio", name="PCA").check()
    eventually_coloured(page, LEFT[0], "green")
    eventually_coloured(page, MIDDLE[0], "blue")
    eventually_coloured(page, MIDDLE[1], "red")
    eventually_coloured(page, (0.0, 0.0), "none")
    page.get_by_role("radio", name="Neighbours").check()
    eventually_coloured(page, (0.5, -0.3), "blue")
    page.get_by_role("radio", name="PCA").check()
    eventually_coloured(page, MIDDLE[0], "blue")
    entry(page, "Accepted").click()
    expect(entry(page, "Accepted")).to_have_attribute("aria-pressed", "false")
    eventually_coloured(page, MIDDLE[0], "none")
    entry(page, "Accepted").click()

    page.mouse.move(*pixel(page, MIDDLE[1]))
    tip = page.locator("#tip")
    expect(tip).to_contain_text("Spring gentian")
    expect(tip).to_contain_text("Rejected, confidence 90 %")
    page.wait_for_function("() => document.querySelector('#tip img').naturalWidth > 0")
    page.mouse.move(*pixel(page, (0.0, 0.7)))
    expect(tip).to_be_hidden()


def test_a_lead_looks_around_and_selects(visit: Visit, mapped: factories.Labeling) -> None:
    page = open_map(visit, mapped)
    assert page.evaluate("() => document.getElementById('map').getContext('webgl') !== null")
    look_around(page)

    # By the lasso, around the three on the left.
    page.get_by_role("radio", name="Lasso").check()
    corners = [(-1.05, 0.6), (-0.72, 0.6), (-0.72, -0.6), (-1.05, -0.6), (-1.05, 0.5)]
    page.mouse.move(*pixel(page, corners[0]))
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*pixel(page, corner), steps=3)
    page.mouse.up()
    expect(page.locator("#chosen-heading")).to_have_text("3 pictures selected")
    expect(page.locator("#by-kind")).to_have_text("Training set: 3")
    expect(page.locator("#by-category tr")).to_have_text(["Spring gentian3100.0 %"])
    expect(page.locator("#thumbnails a")).to_have_count(3)
    href = page.locator("#thumbnails a").first.get_attribute("href")
    assert page.request.get(str(href)).headers["content-type"] == "image/jpeg"
    eventually_coloured(page, MIDDLE[0], "none")

    # By keys: what is in view, first all of it, then a part.
    page.locator("#map").focus()
    page.keyboard.press("s")
    expect(page.locator("#chosen-heading")).to_have_text("12 pictures selected")
    for _ in range(4):
        page.keyboard.press("+")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    expect(page.locator("#by-category tr")).to_have_count(1)
    expect(page.locator("#by-category th")).to_have_text("Alpine aster")
    page.keyboard.press("0")
    page.keyboard.press("Escape")
    expect(page.locator("#none-chosen")).to_be_visible()

    # A highlighted category is what can be selected.
    page.get_by_label("Highlight a category").fill("alpine ASTER")
    page.locator("#in-view").click()
    expect(page.locator("#chosen-heading")).to_have_text("6 pictures selected")
    page.get_by_label("Highlight a category").fill("Rose")
    page.keyboard.press("Tab")
    expect(page.locator("#no-spot")).to_contain_text("no category of this name")

    # A click opens the picture.
    page.get_by_role("radio", name="Move").check()
    page.locator("#clear").click()
    page.get_by_label("Highlight a category").fill("")
    with page.context.expect_page() as opened:
        page.mouse.click(*pixel(page, RIGHT[0]))
    opened.value.wait_for_url("**/original")


@pytest.fixture
def without_webgl(chromium: Browser) -> Iterator[Browser]:
    """Another Chromium, with WebGL switched off."""
    path = next(filter(None, map(shutil.which, BROWSERS)))
    flags = ["--disable-3d-apis", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    browser = chromium.browser_type.launch(executable_path=path, args=flags)
    yield browser
    browser.close()


def test_without_webgl_the_map_is_drawn_all_the_same(
    server: Server, without_webgl: Browser, mapped: factories.Labeling
) -> None:
    context = without_webgl.new_context(base_url=server.url)
    token = _session(server, login_of("lena", mapped))
    context.add_cookies([{"name": COOKIE, "value": token, "url": server.url}])

    def visit(path: str, _login: str) -> Page:
        page = context.new_page()
        page.goto(path)
        return page

    page = open_map(visit, mapped)
    expect(page.locator("#status")).to_contain_text("no WebGL")
    look_around(page)


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_every_look(visit: Visit, mapped: factories.Labeling, look: dict[str, object]) -> None:
    page = open_map(visit, mapped, **look)
    page.locator("#in-view").click()
    expect(page.locator("#thumbnails a")).to_have_count(12)
    page.wait_for_load_state("networkidle")
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
