"""A lead looks over the categories."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.db.session import database_now
from app.db.tables import (
    Category,
    ChosenExemplar,
    Confusion,
    Example,
    Exemplar,
    Image,
    ModelVersion,
    Project,
    Proposal,
    Round,
    User,
)
from app.usecases.rounds.end_round import close_round
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
    expect(page.locator("#pictures .pictures li")).to_have_count(6)
    page.get_by_role("link", name="Hard negatives (2)").click()
    expect(page.locator("#pictures .pictures li p")).to_have_text(["round 1", "round 1"])
    page.locator("#confused-heading ~ .scroll").get_by_role("link", name="Spring gentian").click()
    expect(page.locator("h1")).to_have_text("Spring gentian")


def hashes(page: Page) -> list[str]:
    """Content hashes of the exemplars as they stand."""
    found: list[str] = page.locator("#exemplars > li").evaluate_all(
        "(items) => items.map((each) => each.dataset.sha256)"
    )
    return found


def chosen(server: Server, category_id: int) -> list[str]:
    """Content hashes of the exemplars that are kept."""
    with server.sessions() as session:
        return list(
            session.scalars(
                select(Image.sha256)
                .join(ChosenExemplar, ChosenExemplar.image_id == Image.id)
                .where(ChosenExemplar.category_id == category_id)
                .order_by(ChosenExemplar.position)
            )
        )


def test_exemplars_are_chosen_by_keyboard_and_labelers_see_them(
    server: Server, visit: Visit, labeling: Make
) -> None:
    made = labeling(proposals=2, exemplars=4)
    gentian = made.category_ids[0]
    with server.sessions.begin() as session:
        # The model shows three of the four.
        session.query(Exemplar).filter_by(category_id=gentian, position=3).delete()
    page = visit(f"/projects/{made.slug}/categories/{gentian}", login_of("lena", made))
    one, two, three = hashes(page)
    expect(page.locator("#by-model")).to_be_visible()
    expect(page.get_by_role("button", name="Auto-pick by anchors")).to_be_disabled()
    saved = page.locator("#exemplars-saved")

    page.get_by_role("button", name="Exemplar 1").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Exemplar 2")).to_be_focused()
    expect(page.locator("[aria-pressed=true]")).to_have_count(1)
    page.keyboard.press("Shift+ArrowRight")
    expect(saved).to_have_text("Saved.")
    assert hashes(page) == [one, three, two]
    expect(page.get_by_role("button", name="Exemplar 3")).to_be_focused()
    expect(page.locator("#by-hand")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Delete")
    expect(page.locator("#exemplars > li")).to_have_count(2)
    assert hashes(page) == [one, two]
    page.get_by_role("button", name="Earlier").click()
    assert hashes(page) == [two, one]
    add = page.locator("[data-add]:enabled")
    expect(add).to_have_count(2)
    fourth = add.first.get_attribute("data-add")
    add.first.press("Enter")
    expect(page.locator("#exemplars > li")).to_have_count(3)
    page.locator("#exemplars > li").nth(2).drag_to(page.locator("#exemplars > li").nth(0))
    assert hashes(page) == [fourth, two, one]
    assert_accessible(page)
    expect(saved).to_have_text("Saved.")
    assert chosen(server, gentian) == [fourth, two, one]
    seat = visit(f"/projects/{made.slug}/label", login_of("ada", made))
    sources = "(images) => images.map((each) => each.src.split('/').at(-2))"
    expect(seat.locator("#exemplars img")).to_have_count(3)
    assert seat.locator("#exemplars img").evaluate_all(sources) == [fourth, two, one]

    for left in (2, 1):
        page.locator("#exemplars [role=button]").first.focus()
        page.keyboard.press("Delete")
        expect(page.locator("#exemplars > li")).to_have_count(left)
    page.keyboard.press("Delete")
    expect(page.get_by_role("alert")).to_contain_text("One exemplar must stay.")
    expect(saved).to_have_text("Saved.")
    page.reload()
    assert len(hashes(page)) == 1
    page.get_by_role("button", name="Auto-pick by anchors").click()
    expect(page.locator("#by-model")).to_be_visible()
    assert hashes(page) == [one, two, three]
    assert chosen(server, gentian) == []


def test_a_choice_that_is_refused_says_so_and_shows_what_holds(
    server: Server, visit: Visit, labeling: Make
) -> None:
    made = labeling(proposals=1, exemplars=3)
    gentian = made.category_ids[0]
    page = visit(f"/projects/{made.slug}/categories/{gentian}", login_of("lena", made))
    one, two, three = hashes(page)
    with server.sessions.begin() as session:
        left = select(Image.id).where(Image.project_id == made.project_id, Image.sha256 == three)
        session.query(Example).filter(Example.image_id.in_(left)).update({"to_version": 2})
    page.get_by_role("button", name="Exemplar 1").click()
    page.get_by_role("button", name="Later").click()
    expect(page.get_by_role("alert")).to_contain_text("is no example of Spring gentian")
    expect(page.locator("#by-model")).to_be_visible()
    assert hashes(page) == [one, two, three]


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
