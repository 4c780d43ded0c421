"""A lead looks over the categories."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.db.session import database_now
from app.db.tables import Category, Confusion, ModelVersion, Project, Proposal, Round, User
from app.usecases.end_round import close_round
from tests import factories
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, name_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]


@pytest.fixture
def grown(server: Server, labeling: Make) -> factories.Labeling:
    """Round 1 is closed; 120 categories besides have nothing yet."""
    made = labeling(proposals=5)
    with server.sessions.begin() as session:
        ada = session.scalars(select(User.id).where(User.login == login_of("ada", made))).one()
        for place, number in enumerate(made.proposal_ids):
            proposal = session.get_one(Proposal, number)
            factories.answer(session, proposal, ada, "no" if place % 3 == 2 else "yes")
        session.add_all(
            Category(project_id=made.project_id, name=f"Rose {number:03}", scientific_name="Rosa")
            for number in range(120)
        )
        project = session.get_one(Project, made.project_id)
        number = session.get_one(Round, made.round_id).number
        close_round(session, project, number, database_now(session))
    return made


def names(page: Page) -> list[str]:
    return page.locator("#found tbody th bdi").all_inner_texts()


def assert_fits(page: Page) -> None:
    """Nothing makes the page wider than the window."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_categories_are_searched_by_typing_and_sorted(
    visit: Visit, grown: factories.Labeling
) -> None:
    page = visit(f"/projects/{grown.slug}", login_of("lena", grown))
    page.get_by_role("navigation", name="Lead").get_by_role("link", name="Categories").click()
    expect(page.locator(".tail > svg")).to_have_attribute("aria-label", re.compile("Now: 7, 0"))
    expect(page.locator("#shown")).to_have_text("1 to 100 of 122")
    assert names(page)[:2] == ["Spring gentian", "Alpine aster"]
    field = page.get_by_label("Part of the name")
    field.press_sequentially("se 11")
    expect(page.locator("#shown")).to_have_text("1 to 10 of 10")
    expect(field).to_be_focused()
    assert re.search(r"[?&]name=se\+11", page.url)
    field.fill("gent")
    expect(page.locator("#shown")).to_have_text("1 to 1 of 1")
    page.get_by_role("link", name="Precision").click()
    expect(page.locator("[aria-sort=ascending]")).to_have_text("Precision")
    expect(page.get_by_label("Part of the name")).to_have_value("gent")
    assert names(page) == ["Spring gentian"]
    page.get_by_label("Part of the name").fill("")
    expect(page.locator("#shown")).to_have_text("1 to 100 of 122")
    # The order stays while the words change.
    expect(page.locator("[aria-sort=ascending]")).to_have_text("Precision")
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("#shown")).to_have_text("101 to 122 of 122")


def test_the_search_works_without_the_script(visit: Visit, grown: factories.Labeling) -> None:
    page = visit(
        f"/projects/{grown.slug}/categories", login_of("lena", grown), java_script_enabled=False
    )
    page.get_by_label("Part of the name").fill("rose 00")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#shown")).to_have_text("1 to 10 of 10")


def test_the_board_of_one_category(server: Server, visit: Visit, grown: factories.Labeling) -> None:
    gentian, aster = grown.category_ids
    with server.sessions.begin() as session:
        model = session.scalars(
            select(ModelVersion.id).where(ModelVersion.project_id == grown.project_id)
        ).one()
        session.add_all(
            Confusion(model_id=model, category_id=aster, taken_for_id=other, pictures=pictures)
            for other, pictures in ((aster, 5), (gentian, 3))
        )
    page = visit(f"/projects/{grown.slug}/categories", login_of("lena", grown))
    page.get_by_role("link", name="Alpine aster").click()
    expect(page.locator("h1")).to_have_text("Alpine aster")
    expect(page.get_by_text("knew 5 of 8 test pictures")).to_be_visible()
    expect(page.get_by_role("row", name="Spring gentian look-alike 3")).to_be_visible()
    loaded = "() => [...document.images].every((each) => each.complete && each.naturalWidth)"
    page.locator("#pictures").scroll_into_view_if_needed()
    page.wait_for_function(loaded)
    expect(page.locator(".pictures li")).to_have_count(6)
    page.get_by_role("link", name="Hard negatives (2)").click()
    expect(page.locator(".pictures li p")).to_have_text(["round 1", "round 1"])
    page.locator("#confused-heading ~ .scroll").get_by_role("link", name="Spring gentian").click()
    expect(page.locator("h1")).to_have_text("Spring gentian")


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_every_look(visit: Visit, grown: factories.Labeling, look: dict[str, object]) -> None:
    page = visit(f"/projects/{grown.slug}/categories", login_of("lena", grown), **look)
    assert_accessible(page)
    assert_fits(page)
    # The words of the chart are as large as those around it, whatever the width.
    assert page.locator(".tail .tick").first.bounding_box()["height"] >= 12  # type: ignore[index]
    page.goto(f"/projects/{grown.slug}/categories/{grown.category_ids[1]}")
    page.wait_for_load_state("networkidle")
    assert_accessible(page)
    assert_fits(page)
