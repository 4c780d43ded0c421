"""Every page for everyone: axe-core finds nothing, in each colour scheme, width and direction."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from app.db.tables import Project, Proposal, Round
from app.domain.round import RoundState
from app.usecases.rounds.end_round import close_round
from tests import factories
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, name_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]


@pytest.fixture(params=LOOKS, ids=name_of)
def look(request: pytest.FixtureRequest) -> dict[str, object]:
    found: dict[str, object] = request.param
    return found


def test_sign_in_and_errors(visit: Visit, look: dict[str, object]) -> None:
    page = visit("/sign-in", **look)
    assert_accessible(page)
    page.fill("input[name=login]", "nobody")
    page.fill("input[name=password]", "not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    assert_accessible(page)
    page.goto("/no/such/page")
    assert_accessible(page)


def test_home_and_lead_in_every_state(
    server: Server, labeling: Make, visit: Visit, look: dict[str, object]
) -> None:
    made = labeling(proposals=2)
    page = visit("/", login_of("lena", made), **look)
    assert_accessible(page)
    for state in RoundState:
        with server.sessions.begin() as session:
            session.execute(
                update(Round)
                .where(Round.id == made.round_id)
                .values(state=state, error="The disk was full.")
            )
        page.goto(f"/projects/{made.slug}")
        page.wait_for_load_state("load")
        assert_accessible(page)
        if state is RoundState.LABELING:
            for dialog in ("close-dialog", "cancel-dialog"):
                page.locator(f"[data-opens={dialog}]").click()
                assert_accessible(page)
                page.keyboard.press("Escape")


def test_one_round_and_two(
    server: Server, labeling: Make, visit: Visit, look: dict[str, object]
) -> None:
    made = labeling(proposals=4)
    with server.sessions.begin() as session:
        project = session.get_one(Project, made.project_id)
        for word, proposal_id in zip(
            ("yes", "yes", "no", "unsure"), made.proposal_ids, strict=False
        ):
            proposal = session.get_one(Proposal, proposal_id)
            factories.answer(session, proposal, project.created_by, word, 2.5)
        close_round(session, project, 1, datetime.now(UTC))
        factories.make_round(session, project, 0, number=2)
    page = visit(f"/projects/{made.slug}/rounds/1", login_of("lena", made), **look)
    page.locator(".method summary").click()
    assert_accessible(page)
    page.goto(f"/projects/{made.slug}/rounds/compare")
    assert_accessible(page)
    width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0


def test_preferences_apply_at_once(labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=1)
    page = visit("/", login_of("ada", made), locale="de")
    page.get_by_role("link", name="Einstellungen").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.locator("#break_minutes").fill("-3")
    page.locator("#grid_size").fill("30")
    expect(page.get_by_role("button", name="Speichern")).to_be_enabled()
    page.keyboard.press("Enter")
    expect(page.locator("#break_minutes-problem")).to_have_text(
        "Geben Sie eine ganze Zahl von 0 bis 480 an."
    )
    expect(page.locator("#break_minutes")).to_be_focused()
    assert_accessible(page)
    page.locator("#break_minutes").fill("0")
    page.locator("#language").select_option("ar")
    page.get_by_role("button", name="Speichern").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("h1")).to_have_text("التفضيلات")
    expect(page.locator("#break_minutes")).to_have_value("0")
    expect(page.locator("#grid_size")).to_have_value("30")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    page.goto("/preferences")
    page.locator("#language").select_option("")
    page.locator("[type=submit]").last.click()
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_a_form_waits_for_its_script(labeling: Make, visit: Visit) -> None:
    """Before, Enter would send it the browser's own way, and what was typed would be lost."""
    made = labeling(proposals=1)
    page = visit("/", login_of("lena", made))
    page.route("**/static/form.js", lambda route: route.abort())
    for path, name in (("/preferences", "grid_size"), (f"/projects/{made.slug}", "gold_share")):
        page.goto(path)
        field = page.locator(f"#{name}")
        field.fill("13")
        page.keyboard.press("Enter")
        assert page.evaluate("location.pathname + location.search") == path
        expect(field).to_have_value("13")
        expect(page.locator(f"form:has(#{name}) [type=submit]")).to_be_disabled()


def test_preferences_in_every_look(labeling: Make, visit: Visit, look: dict[str, object]) -> None:
    made = labeling(proposals=1)
    page = visit("/preferences", login_of("ada", made), **look)
    assert_accessible(page)
    page.locator("[type=submit]").last.click()
    expect(page.locator(".saved")).not_to_be_empty()
    assert_accessible(page)


def test_settings_are_saved_and_refused_beside_their_field(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=1)
    page = visit(f"/projects/{made.slug}", login_of("lena", made))
    settings = page.locator("#settings")
    expect(settings.locator("#grid_above")).to_have_value("90")
    settings.locator("#gold_share").fill("21")
    settings.get_by_role("button").click()
    expect(settings.locator("#gold_share-problem")).to_have_text("Give a number from 0 to 20.")
    expect(settings.locator("#gold_share")).to_be_focused()
    assert_accessible(page)
    settings.locator("#gold_share").fill("7.5")
    settings.locator("#redundancy").fill("2.5")
    settings.get_by_role("button").click()
    expect(settings.locator("#redundancy-problem")).to_have_text("Give a whole number from 1 to 5.")
    settings.locator("#redundancy").fill("3")
    settings.locator("#redundancy_for").select_option("risk")
    settings.locator("#audit_share").fill("10")
    settings.locator("#grid_above").fill("")
    settings.locator("#grid_below").fill("25")
    settings.locator("#picked").select_option("same")
    settings.get_by_label("Show labelers the model's confidence").check()
    settings.get_by_role("button").click()
    expect(settings.get_by_role("status")).to_have_text("Saved.")
    assert_accessible(page)
    with server.sessions() as session:
        kept = session.get_one(Project, made.project_id)
        assert (kept.grid_above, kept.grid_below, kept.gold_share) == (None, 0.25, 0.075)
        assert (kept.redundancy, kept.redundancy_for, kept.audit_share) == (3, "risk", 0.1)
        assert (kept.picked, kept.show_confidence, kept.show_gold) == ("same", True, False)
    page.reload()
    expect(settings.locator("#grid_above")).to_have_value("")
    expect(settings.locator("#grid_below")).to_have_value("25")
    page.route("**/api/v1/projects/*", lambda route: route.abort())
    settings.get_by_role("button").click()
    expect(settings.get_by_role("alert")).to_contain_text("Nothing was saved")


def test_a_refusal_is_announced(labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=1)
    page = visit(f"/projects/{made.slug}", login_of("lena", made))
    page.route("**/cancel", lambda route: route.abort())
    page.locator("[data-opens=cancel-dialog]").click()
    page.locator("[data-ends=cancel]").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert_accessible(page)


def test_nothing_for_labelers_at_the_lead_page(labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=1)
    page = visit(f"/projects/{made.slug}", login_of("ada", made))
    expect(page.locator(".status")).to_have_text("403")
    assert_accessible(page)


def everywhere(made: factories.Labeling) -> list[str]:
    return ["/", "/preferences", f"/projects/{made.slug}", "/no/such/page"]


SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Targets of 24 by 24 CSS pixels, but for links inside a sentence (WCAG 2.5.8).
SMALL = """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select")]
    .filter((each) => each.checkVisibility() && !each.closest("p, td") && !each.matches(".skip"))
    .filter((each) => Math.min(each.offsetWidth, each.offsetHeight) < 24)
    .map((each) => each.outerHTML)"""


@pytest.mark.parametrize("locale", ["en", "de", "ar"])
def test_pages_reflow_at_double_size(labeling: Make, visit: Visit, locale: str) -> None:
    """A window of 1280 pixels at 200 %: 640 CSS pixels wide. And 320 wide is 400 %."""
    made = labeling(proposals=1)
    page = visit("/", login_of("lena", made), locale=locale, device_scale_factor=2)
    for width in (640, 320):
        page.set_viewport_size({"width": width, "height": 400})
        for path in (*everywhere(made), f"/projects/{made.slug}/quality"):
            page.goto(path)
            assert page.evaluate(SIDEWAYS) == 0, (path, width)
            assert page.evaluate(SMALL) == [], path


def test_focus_goes_through_the_page_in_order_and_is_seen(labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=1)
    page = visit("/", login_of("lena", made))
    for path in everywhere(made):
        page.goto(path)
        places = []
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        expect(page.locator(".skip")).to_be_in_viewport()
        while (place := page.evaluate(FOCUSED))["tag"] != "BODY":
            assert place["outline"] >= 2, (path, place)
            places.append(place["index"])
            page.keyboard.press("Tab")
        assert places == sorted(set(places)), path
        assert len(places) >= 3, path


FOCUSED = """() => {
    const at = document.activeElement;
    const style = getComputedStyle(at);
    return {
        tag: at.tagName,
        index: [...document.querySelectorAll("*")].indexOf(at),
        outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    };
}"""


def test_nothing_moves_for_those_who_want_it_still(labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=1)
    moving = "document.getAnimations().filter((each) => each.playState === 'running').length"
    lively = visit(f"/projects/{made.slug}", login_of("lena", made))
    assert lively.evaluate(moving) > 0
    still = visit(f"/projects/{made.slug}", login_of("lena", made), reduced_motion="reduce")
    still.wait_for_function(f"() => {moving} === 0")
