"""The pages that change categories: who may see them, what they say, what they ask of the database."""

import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import FolderBlobs
from app.db.session import database_now
from app.db.tables import Category, Project, User
from app.settings import Settings
from app.usecases.categories.merge import merge_categories
from app.usecases.categories.rename import rename_category
from app.usecases.categories.retire import retire_category
from app.usecases.categories.undo import undo_change
from tests import factories
from tests.web.conftest import Browser, sign_in, statements

CHANGES = "/projects/flowers/categories/changes"
STATEMENTS = 10  # questions to the database, however many categories, pictures and changes


@pytest.fixture
def ids(sessions: sessionmaker[Session], settings: Settings) -> list[int]:
    """Three categories, each with an example; no round yet. Lena leads, Ada labels."""
    with sessions.begin() as session:
        lead = factories.make_user(session, "lena", lead=True)
        ada = factories.make_user(session, "ada")
        project = factories.make_project(session, lead, labelers=[ada])
        factories.make_project(session, lead, "birds")
        blobs = FolderBlobs(settings.data_dir / "blobs")
        made = factories.make_pool(session, blobs, project, categories=3, candidates=1)
        return [each.id for each in made]


@pytest.fixture
def lead(browser: Browser, ids: list[int]) -> TestClient:
    del ids
    client = browser()
    sign_in(client, "lena")
    return client


def test_only_leads_and_only_of_this_project(
    lead: TestClient, browser: Browser, ids: list[int]
) -> None:
    paths = (CHANGES, f"/projects/flowers/categories/{ids[0]}/change")
    labeler = browser()
    sign_in(labeler, "ada")
    for path in paths:
        assert lead.get(path).status_code == 200
        assert labeler.get(path).status_code == 403
        assert browser().get(path).status_code == 303
    assert lead.get(f"/projects/birds/categories/{ids[0]}/change").status_code == 404
    assert lead.get("/projects/flowers/categories/9999/change").status_code == 404


def test_what_was_changed_is_told_with_its_state(
    lead: TestClient, ids: list[int], sessions: sessionmaker[Session]
) -> None:
    assert "No category was renamed" in lead.get(CHANGES).text
    with sessions.begin() as session:
        project = session.scalars(select(Project).where(Project.slug == "flowers")).one()
        lena = session.scalars(select(User.id).where(User.login == "lena")).one()
        change = merge_categories(session, project, ids[0], ids[1], lena)
        undo_change(session, project, change.id, lena, database_now(session))
        rename_category(session, project, ids[0], "Rose <b>", None, lena)
        retire_category(session, project, ids[2], lena)
    page = lead.get(CHANGES).text
    told = re.findall(r'<th scope="row"><bdi>(.*?)</bdi>', page)
    assert told == [
        "Species 2 retired",
        "Species 0 renamed to Rose &lt;b&gt;",
        "Species 0 merged into Species 1",
    ]
    assert page.count("data-undo=") == 2
    assert "undone by Lena" in page
    assert "1 example leaves the dataset." in page
    retired = lead.get(f"/projects/flowers/categories/{ids[2]}/change").text
    assert "This category is retired" in retired
    assert "<form id" not in retired
    # It is offered nowhere else either.
    assert "Species 2" not in lead.get(f"/projects/flowers/categories/{ids[0]}/change").text


def test_the_pages_ask_the_database_equally_often(
    lead: TestClient, ids: list[int], sessions: sessionmaker[Session], settings: Settings
) -> None:
    paths = (CHANGES, f"/projects/flowers/categories/{ids[0]}/change")

    def asked() -> list[int]:
        counts = []
        for path in paths:
            with statements(sessions) as sent:
                assert lead.get(path).status_code == 200
            counts.append(len(sent))
        return counts

    few = asked()
    with sessions.begin() as session:
        project = session.scalars(select(Project).where(Project.slug == "flowers")).one()
        lena = session.scalars(select(User.id).where(User.login == "lena")).one()
        one = session.get_one(Category, ids[0])
        blobs = FolderBlobs(settings.data_dir / "blobs")
        for index in range(100, 170):
            image = factories.make_image(session, blobs, project, factories.paint(0, index))
            factories.make_example(session, image, one)
        for number in range(60):
            rename_category(session, project, ids[1], f"Name {number}", None, lena)
        session.add_all(Category(project_id=project.id, name=f"Rose {n}") for n in range(200))
    assert asked() == few
    assert max(few) <= STATEMENTS
    page = lead.get(CHANGES).text
    assert page.count("data-undo=") == 50
    older = re.search(r'href="(\?before=\d+)"', page)
    assert older is not None
    assert lead.get(CHANGES + older[1]).text.count("data-undo=") == 10
    second = lead.get(f"{paths[1]}?page=2").text
    assert "61 to 71 of 71" in second
