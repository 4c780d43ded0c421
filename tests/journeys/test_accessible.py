"""Every page for everyone: axe-core finds nothing, in each colour scheme, width and direction."""

from collections.abc import Callable
from itertools import product

import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from app.db.tables import Round
from app.domain.round import RoundState
from tests import factories
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
LOOKS = [
    {"color_scheme": scheme, "viewport": viewport, "locale": locale}
    for scheme, viewport, locale in product(("light", "dark"), (PHONE, DESK), ("en", "ar"))
]


def name_of(look: dict[str, object]) -> str:
    width = "phone" if look["viewport"] is PHONE else "desk"
    return f"{look['color_scheme']}-{width}-{look['locale']}"


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
        page.wait_for_load_state("networkidle")
        assert_accessible(page)
        if state is RoundState.LABELING:
            for dialog in ("close-dialog", "cancel-dialog"):
                page.locator(f"[data-opens={dialog}]").click()
                assert_accessible(page)
                page.keyboard.press("Escape")


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
