"""A lead makes a project, writes down its categories and gives people their roles."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from app.db.tables import Category, Project, ProjectMember, User
from app.usecases.projects import look_alikes
from tests import factories
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, name_of

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]


@pytest.fixture
def made(labeling: Make) -> factories.Labeling:
    return labeling(proposals=1)


def assert_fits(page: Page) -> None:
    """Nothing makes the page wider than the window."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def tab_to(page: Page, wanted: Locator) -> None:
    """Go on with the Tab key until this has the focus."""
    for _ in range(60):
        if wanted.evaluate("(it) => it === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{wanted} is not reached with the keyboard")


def test_a_project_is_made_with_the_keyboard_alone(
    server: Server, visit: Visit, made: factories.Labeling
) -> None:
    page = visit("/", login_of("lena", made))
    tab_to(page, page.get_by_role("link", name="New project"))
    page.keyboard.press("Enter")
    create = page.get_by_role("button", name="Create the project")
    expect(create).to_be_enabled()
    tab_to(page, page.locator("#name"))
    page.keyboard.press("Enter")
    expect(page.locator("#name-problem")).to_have_text("Fill this in.")
    page.keyboard.type(f"Süße Äpfel & {made.slug}")
    expect(page.locator("#slug")).to_have_value(f"suesse-aepfel-{made.slug}")
    # The name of another project: told beside it, and nothing that was typed is lost.
    tab_to(page, page.locator("#slug"))
    page.keyboard.press("Control+A")
    page.keyboard.type("Wrong one")
    page.keyboard.press("Enter")
    expect(page.locator("#slug-problem")).to_contain_text("Use 1 to 63 lower-case letters")
    page.keyboard.press("Control+A")
    page.keyboard.type(made.slug)
    page.keyboard.press("Enter")
    expect(page.locator("#slug-problem")).to_contain_text("There is already a project")
    page.keyboard.press("End")
    page.keyboard.type("-2")
    tab_to(page, page.locator("#description"))
    page.keyboard.type("Apples that\nlook sweet")
    tab_to(page, page.locator("summary"))
    page.keyboard.press("Enter")
    tab_to(page, page.locator("#policy"))
    page.keyboard.press("ArrowDown")
    tab_to(page, page.locator("#subsets"))
    page.keyboard.type("4")
    tab_to(page, page.locator("#backbone"))
    page.keyboard.type("resnet50")
    expect(page.locator("[data-backbone=resnet50]")).to_be_visible()
    tab_to(page, page.locator("#test_percent"))
    page.keyboard.press("Control+A")
    page.keyboard.type("60")
    # What is wrong in a folded part opens it.
    page.locator("details").evaluate("(it) => it.open = false")
    tab_to(page, create)
    page.keyboard.press("Enter")
    expect(page.locator("#test_percent-problem")).to_contain_text("from 0 to 50")
    expect(page.locator("#test_percent")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("10")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/projects/{made.slug}-2")
    with server.sessions() as session:
        project = session.scalars(select(Project).where(Project.slug == f"{made.slug}-2")).one()
        said = (project.name, project.description)
        assert said == (f"Süße Äpfel & {made.slug}", "Apples that\nlook sweet")
        assert (project.policy, project.subsets, project.test_percent) == ("disjoint", 4, 10)
        assert (project.backbone, project.weights, project.image_size) == ("resnet50", None, 224)


def test_an_empty_project_says_what_to_do_next(
    server: Server, visit: Visit, made: factories.Labeling
) -> None:
    slug, lena, ada = f"{made.slug}-new", login_of("lena", made), login_of("ada", made)
    with server.sessions.begin() as session:
        lead = session.scalars(select(User).where(User.login == lena)).one()
        project = factories.make_project(session, lead, slug)
        session.add_all(Category(project_id=project.id, name=name) for name in ("Rose", "Aster"))
        number = project.id
    page = visit(f"/projects/{slug}", lena)
    steps = page.locator(".todo li")
    expect(steps).to_have_count(5)
    expect(steps.nth(0)).to_contain_text("done")
    expect(steps.nth(0)).to_contain_text("2 categories so far")
    expect(steps.nth(1)).not_to_contain_text("done")
    expect(steps.nth(1).get_by_role("link")).to_have_attribute("href", f"/projects/{slug}/import")
    expect(steps.nth(3)).not_to_contain_text("done")
    # Somebody who has no account is told beside the field; then Ada labels.
    people = page.locator("#people")
    people.get_by_label("Login").fill("nobody-at-all")
    people.get_by_role("button").click()
    expect(page.locator("#login-problem")).to_contain_text("There is no user")
    expect(people.get_by_label("Login")).to_have_value("nobody-at-all")
    people.get_by_label("Login").fill(f" {ada.upper()} ")
    people.get_by_role("button").click()
    expect(people.get_by_role("status")).to_have_text("Saved.")
    expect(page.locator("[data-live=members]")).to_contain_text(ada)
    expect(steps.nth(3)).to_contain_text("done")
    # The last lead stays one.
    people.get_by_label("Login").fill(lena)
    people.get_by_role("button").click()
    expect(page.locator("#role-problem")).to_contain_text("at least one lead")
    assert_accessible(page)
    form = page.locator("#project")
    form.get_by_label("Fewest pictures to train on").fill("7")
    form.get_by_label("Threshold").fill("1")
    form.get_by_role("button").click()
    expect(page.locator("#threshold-problem")).to_contain_text("from 0 to 0.99")
    form.get_by_label("Threshold").fill("0.7")
    form.get_by_label("Name").fill("Apples")
    form.get_by_role("button").click()
    expect(form.get_by_role("status")).to_have_text("Saved.")
    with server.sessions() as session:
        kept = session.get_one(Project, number)
        assert (kept.name, kept.threshold, kept.least_train) == ("Apples", 0.7, 7)
        roles = session.execute(
            select(User.login, ProjectMember.role)
            .join(User, User.id == ProjectMember.user_id)
            .where(ProjectMember.project_id == number)
        )
        assert dict(roles.all()) == {lena: "lead", ada: "labeler"}


def test_categories_are_pasted_looked_at_mended_and_saved(
    server: Server, visit: Visit, made: factories.Labeling, tmp_path: Path
) -> None:
    page = visit(f"/projects/{made.slug}/categories", login_of("lena", made))
    page.get_by_role("link", name="Import a list").click()
    look, save = page.get_by_role("button", name="Look at"), page.locator("#save")
    field = page.get_by_label("The list itself")
    expect(look).to_be_enabled()
    look.click()
    expect(page.locator("#list-problem")).to_have_text("Fill this in.")
    field.fill("name,look-alikes\nRose,Thistle\nalpine ASTER,Rose\nrose,")
    look.click()
    expect(page.locator("#preview-heading")).to_be_focused()
    expect(page.locator("#sums")).to_contain_text("2 lines with a problem")
    expect(page.locator("#lines tr").first).to_contain_text("There is no category 'Thistle'")
    expect(page.locator("#lines tr").nth(1)).to_contain_text("This name is in line 2 already.")
    expect(save).to_be_disabled()
    assert_accessible(page)
    field.press("End")
    # What was looked at is not what the field says any more.
    page.keyboard.type(" ")
    expect(page.locator("#preview")).to_be_hidden()
    field.fill('"name,\nnever ends')
    look.click()
    expect(page.locator("#categories [role=alert]")).to_be_hidden()
    field.fill('name,definition\nA,"never ends')
    look.click()
    expect(page.locator("#list-problem")).to_contain_text("The quotes from line 2 on")
    expect(field).to_have_value('name,definition\nA,"never ends')
    # A file in another encoding, then the right one.
    file = tmp_path / "list.csv"
    file.write_bytes("name\nÄhre".encode("latin-1"))
    page.locator("#chosen").set_input_files(file)
    expect(page.locator("#chosen-problem")).to_contain_text("not text in UTF-8")
    file.write_text(
        "\ufeffLook-alikes;Name;Definition\nThistle;Rose;<b>Thorns</b>\n;Thistle;\nRose;Alpine aster;\n",
        "utf-8",
    )
    page.locator("#chosen").set_input_files(file)
    expect(page.locator("#chosen-problem")).to_be_hidden()
    expect(field).to_have_value(
        "Look-alikes;Name;Definition\nThistle;Rose;<b>Thorns</b>\n;Thistle;\nRose;Alpine aster;\n"
    )
    look.click()
    expect(page.locator("#sums")).to_have_text("2 new categories1 category changes")
    expect(page.locator("#lines tr").first).to_contain_text("<b>Thorns</b>")
    save.click()
    expect(page.locator("#saved")).to_have_text("Saved: 3 categories.")
    expect(page.get_by_role("link", name="Give the categories their first")).to_be_focused()
    assert_accessible(page)
    with server.sessions() as session:
        project = session.get_one(Project, made.project_id)
        ids = dict(
            session.execute(
                select(Category.name, Category.id).where(Category.project_id == project.id)
            ).all()
        )
        assert set(ids) == {"Alpine aster", "Spring gentian", "Rose", "Thistle"}
        assert look_alikes(session, project) == {
            ids["Rose"]: ["Thistle"],
            ids["Alpine aster"]: ["Rose"],
        }


def test_one_category_is_written_and_changed(
    server: Server, visit: Visit, made: factories.Labeling
) -> None:
    page = visit(f"/projects/{made.slug}/categories", login_of("lena", made))
    page.get_by_role("link", name="New category").click()
    save = page.get_by_role("button", name="Save the category")
    expect(save).to_be_enabled()
    page.get_by_label("Name", exact=True).fill("spring GENTIAN")
    page.get_by_label("Definition").fill("Five **deep blue** petals <script>alert(1)</script>")
    expect(page.locator("#rendered strong")).to_have_text("deep blue")
    expect(page.locator("#rendered script")).to_have_count(0)
    field = page.get_by_role("combobox", name="Look-alikes")
    field.fill("Thistle")
    field.press("Enter")
    expect(page.locator("#look_alikes-problem")).to_contain_text("no other category")
    save.click()
    expect(field).to_be_focused()
    field.fill("alpine  ASTER")
    field.press("Enter")
    expect(page.get_by_role("button", name="Take Alpine aster away")).to_be_visible()
    save.click()
    expect(page.locator("#name-problem")).to_contain_text("There is already a category")
    expect(page.get_by_label("Definition")).to_have_value(
        "Five **deep blue** petals <script>alert(1)</script>"
    )
    assert_accessible(page)
    page.get_by_label("Name", exact=True).fill("Bavarian gentian")
    page.get_by_label("Scientific name").fill("Gentiana bavarica")
    save.click()
    page.wait_for_url(re.compile(r"/categories/\d+$"))
    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.get_by_label("Scientific name")).to_have_value("Gentiana bavarica")
    page.get_by_role("button", name="Take Alpine aster away").click()
    # A name that is typed and not added yet counts, too.
    page.get_by_role("combobox", name="Look-alikes").fill("Spring gentian")
    save.click()
    page.wait_for_url(re.compile(r"/categories/\d+$"))
    with server.sessions() as session:
        project = session.get_one(Project, made.project_id)
        found = session.scalars(select(Category).where(Category.name == "Bavarian gentian")).one()
        assert look_alikes(session, project)[found.id] == ["Spring gentian"]


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_every_look(
    server: Server, visit: Visit, made: factories.Labeling, look: dict[str, object]
) -> None:
    slug = f"{made.slug}-new"
    with server.sessions.begin() as session:
        lead = session.scalars(select(User).where(User.login == login_of("lena", made))).one()
        factories.make_project(session, lead, slug)
    page = visit("/", login_of("lena", made), **look)
    for path in ("/", "/projects/new", f"/projects/{slug}", f"/projects/{slug}/categories/new"):
        page.goto(path)
        for folded in page.locator("details").all():
            folded.evaluate("(it) => it.open = true")
        assert_accessible(page)
        assert_fits(page)
    page.goto(f"/projects/{made.slug}/categories/import")
    page.locator("#list").fill("name,definition\nRose," + "Thorns " * 50 + "\nAlpine aster,\nRose,")
    page.locator("#categories [type=submit]").click()
    expect(page.locator("#preview")).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
