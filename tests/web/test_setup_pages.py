"""The pages on which a project is made: who is let in, what they offer, what they ask the database."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from app.db.tables import Category
from app.web.setup import BACKBONES, weights_files
from tests import factories
from tests.web.conftest import Browser, sign_in, statements

HOME = "/projects/flowers"
PAGES = (f"{HOME}/categories/import", f"{HOME}/categories/new", f"{HOME}/categories/1/edit")
STATEMENTS = 7  # questions to the database, however many categories


@pytest.fixture
def lead(browser: Browser, sessions: sessionmaker[Session]) -> TestClient:
    """Lena leads `flowers` with one category; Ada labels there and may make no projects."""
    with sessions.begin() as session:
        ada = factories.make_user(session, "ada")
        lena = factories.make_user(session, "lena", lead=True)
        project = factories.make_project(session, lena, labelers=[ada])
        session.add(Category(project_id=project.id, name="Rose", definition="<b>**Thorns**</b>"))
    client = browser()
    sign_in(client, "lena")
    return client


def test_only_leads_write_categories(lead: TestClient, browser: Browser) -> None:
    assert [lead.get(page).status_code for page in PAGES] == [200, 200, 200]
    assert lead.get(f"{HOME}/categories/2/edit").status_code == 404
    labeler = browser()
    sign_in(labeler, "ada")
    assert [labeler.get(page).status_code for page in PAGES] == [403, 403, 403]
    for page in PAGES:
        assert lead.get(page.replace("flowers", "trees")).status_code == 404
    stranger = browser().get(PAGES[0])
    assert stranger.status_code == 303


def test_only_those_who_may_are_offered_to_make_a_project(
    lead: TestClient, browser: Browser
) -> None:
    assert 'href="/projects/new"' in lead.get("/").text
    page = lead.get("/projects/new")
    assert page.status_code == 200
    assert all(f'value="{name}"' in page.text for name in BACKBONES)
    labeler = browser()
    sign_in(labeler, "ada")
    assert "/projects/new" not in labeler.get("/").text
    refused = labeler.get("/projects/new")
    assert refused.status_code == 403
    assert "vetted user add --lead" in refused.text


def test_weights_are_offered_by_name(tmp_path: Path) -> None:
    for name in ("b.pth", "a.safetensors", ".hidden.pth", "notes.txt"):
        (tmp_path / name).touch()
    assert weights_files(tmp_path) == ("a.safetensors", "b.pth")
    assert weights_files(tmp_path / "nowhere") == weights_files(None) == ()


def test_a_definition_is_text_until_it_is_markdown(lead: TestClient) -> None:
    page = lead.get(f"{HOME}/categories/1/edit").text
    assert "&lt;b&gt;**Thorns**&lt;/b&gt;</textarea>" in page
    assert "&lt;b&gt;<strong>Thorns</strong>&lt;/b&gt;" in page


def test_the_form_asks_the_same_of_a_database_with_many_categories(
    lead: TestClient, sessions: sessionmaker[Session]
) -> None:
    def asked(page: str) -> int:
        with statements(sessions) as sent:
            assert lead.get(page).status_code == 200
        return len(sent)

    before = [asked(page) for page in PAGES]
    with sessions.begin() as session:
        session.add_all(Category(project_id=1, name=f"Rose {n}") for n in range(500))
    assert [asked(page) for page in PAGES] == before
    assert max(before) <= STATEMENTS
