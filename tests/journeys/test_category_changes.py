"""A lead renames, merges, splits and retires categories, seeing before what it does, and undoes it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.db.session import database_now
from app.db.tables import Category, Project, Proposal, Round, User
from app.usecases.rounds.end_round import close_round
from tests import factories
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, name_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]


@pytest.fixture
def garden(server: Server, labeling: Make) -> factories.Labeling:
    """Two categories, each with six examples and a hard negative; no round is at work."""
    made = labeling(proposals=4)
    with server.sessions.begin() as session:
        lena = session.scalars(select(User.id).where(User.login == login_of("lena", made))).one()
        for place, number in enumerate(made.proposal_ids):
            proposal = session.get_one(Proposal, number)
            factories.answer(session, proposal, lena, "no" if place % 4 == 3 else "yes")
        project = session.get_one(Project, made.project_id)
        number = session.get_one(Round, made.round_id).number
        close_round(session, project, number, database_now(session))
    return made


def change_of(made: factories.Labeling, place: int = 0) -> str:
    return f"/projects/{made.slug}/categories/{made.category_ids[place]}/change"


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def names(server: Server, made: factories.Labeling) -> set[str]:
    """Of the categories that are not retired."""
    query = select(Category.name).where(
        Category.project_id == made.project_id, Category.retired_at.is_(None)
    )
    with server.sessions() as session:
        return set(session.scalars(query))


def test_merging_and_undoing(server: Server, visit: Visit, garden: factories.Labeling) -> None:
    page = visit(change_of(garden), login_of("lena", garden))
    page.get_by_role("button", name="Merge …").click()
    expect(page.locator("#into_id-problem")).to_have_text("Choose a category.")
    page.select_option("#into_id", label="Alpine aster")
    page.get_by_role("button", name="Merge …").click()
    expect(page.locator("#sure-title")).to_have_text("Merge Spring gentian into Alpine aster?")
    expect(page.locator("#sure-effect li")).to_have_text(
        [
            "6 examples move to Alpine aster.",
            "2 hard negatives hold no more.",
            "2 pictures may be asked about again.",
        ]
    )
    assert_accessible(page)
    page.locator("#do").click()
    page.wait_for_url("**/categories/changes")
    expect(page.locator("tbody th")).to_contain_text("Spring gentian merged into Alpine aster")
    assert names(server, garden) == {"Alpine aster"}
    page.goto(change_of(garden))
    expect(page.get_by_text("This category is retired")).to_be_visible()
    page.get_by_role("link", name="Find the change").click()

    undo = page.get_by_role("button", name="Undo: Spring gentian merged into Alpine aster")
    undo.click()
    expect(page.locator("#undo-did")).to_have_text("Spring gentian merged into Alpine aster")
    assert_accessible(page)
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator("tbody td").last).to_contain_text("undone by Lena")
    assert names(server, garden) == {"Alpine aster", "Spring gentian"}


def test_splitting_by_keys_over_a_reload(
    server: Server, visit: Visit, garden: factories.Labeling
) -> None:
    page = visit(change_of(garden), login_of("lena", garden))
    page.get_by_label("Name of part 1").fill("Early gentian")
    page.get_by_label("Name of part 2").fill("Alpine aster")
    pictures = page.locator(".pick-picture")
    pictures.first.focus()
    for key in ("1", "2", "1", "0", "ArrowLeft", "2"):
        page.keyboard.press(key)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    pressed = page.locator(".pick-picture[aria-pressed=true] .part")
    told = ["Early gentian", "Alpine aster", "Early gentian", "Alpine aster", "Early gentian"]
    expect(pressed).to_have_text(told)
    expect(page.locator("#tally")).to_have_text("1 picture is in no part.")
    page.reload()
    expect(pressed).to_have_text(told)

    split = page.get_by_role("button", name="Split …")
    page.get_by_label("Name of part 2").fill("early gentian")
    split.click()
    expect(page.locator("#parts-problem")).to_have_text("Two parts are called 'early gentian'.")
    page.get_by_label("Name of part 2").fill("Alpine aster")
    page.get_by_label("go back to the pool").check()
    split.click()
    expect(page.locator("#sure-effect li")).to_have_text(
        [
            "5 examples move to the parts.",
            "1 example leaves the dataset.",
            "2 hard negatives are added.",
            "1 hard negative holds no more.",
            "1 picture may be asked about again.",
        ]
    )
    page.locator("#do").click()
    # Its name is another category's.
    expect(page.locator("#split-form [role=alert]")).to_contain_text("already a category")
    page.get_by_label("Name of part 2").fill("Late gentian")
    split.click()
    page.locator("#do").click()
    page.wait_for_url("**/categories/changes")
    assert names(server, garden) == {"Alpine aster", "Early gentian", "Late gentian"}
    # What was planned is done and forgotten.
    page.goto(change_of(garden, 1))
    expect(page.get_by_label("Name of part 1")).to_have_value("")


def test_renaming_and_retiring(server: Server, visit: Visit, garden: factories.Labeling) -> None:
    page = visit(change_of(garden), login_of("lena", garden))
    page.locator("#name").fill("  ")
    page.get_by_role("button", name="Rename").click()
    expect(page.locator("#name-problem")).not_to_be_empty()
    page.locator("#name").fill("alpine ASTER")
    page.get_by_role("button", name="Rename").click()
    expect(page.locator("#rename")).to_contain_text("already a category")
    page.locator("#name").fill("Gentian")
    page.get_by_role("button", name="Rename").click()
    page.wait_for_url(f"**/categories/{garden.category_ids[0]}")
    expect(page.locator("h1")).to_have_text("Gentian")

    page.get_by_role("link", name="Merge, split, rename, retire …").click()
    page.get_by_role("button", name="Retire …").click()
    expect(page.locator("#sure-effect li")).to_have_text(
        ["6 examples leave the dataset.", "1 hard negative holds no more."]
    )
    page.locator("#do").click()
    page.wait_for_url("**/categories/changes")
    assert names(server, garden) == {"Alpine aster"}
    expect(page.locator("tbody th")).to_have_count(2)


def test_while_a_round_is_at_work(visit: Visit, labeling: Make) -> None:
    made = labeling(proposals=2)
    page = visit(change_of(made), login_of("lena", made))
    expect(page.locator("#at-work")).to_contain_text("Round 1 asks about the categories")
    page.select_option("#into_id", label="Alpine aster")
    page.get_by_role("button", name="Merge …").click()
    expect(page.locator("#sure-refused")).to_contain_text("It has 2 open questions")
    expect(page.locator("#do")).to_be_hidden()
    assert_accessible(page)


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_every_look(visit: Visit, garden: factories.Labeling, look: dict[str, object]) -> None:
    page = visit(change_of(garden), login_of("lena", garden), **look)
    pictures = page.locator(".pick-picture")
    pictures.first.focus()
    page.keyboard.press("1")
    assert_accessible(page)
    assert_fits(page)
    shots = os.environ.get("SHOTS")
    if shots:
        page.screenshot(path=Path(shots) / f"change-{name_of(look)}.png", full_page=True)
    page.locator("#retire [type=submit]").click()
    page.locator("#do").click()
    page.wait_for_url("**/categories/changes")
    page.wait_for_load_state("networkidle")
    assert_accessible(page)
    assert_fits(page)
    if shots:
        page.screenshot(path=Path(shots) / f"changes-{name_of(look)}.png", full_page=True)
    page.goto(change_of(garden))
    assert_accessible(page)
    assert_fits(page)
