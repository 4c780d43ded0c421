"""The page of webhooks, and what the log shows of the system."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from app.db.tables import Project
from app.domain.event import Verb
from app.usecases.events import record
from tests import factories
from tests.web.conftest import Browser, sign_in, statements

PAGE = 9
"""Most questions that the page asks."""


@pytest.fixture
def project(sessions: sessionmaker[Session]) -> Project:
    with sessions.begin() as session:
        lead = factories.make_user(session, "lena", lead=True)
        ada = factories.make_user(session, "ada")
        return factories.make_project(session, lead, labelers=[ada])


def signed_in(browser: Browser, login: str) -> TestClient:
    client = browser()
    sign_in(client, login)
    return client


def test_the_page_asks_as_often_for_many_as_for_none(
    browser: Browser, sessions: sessionmaker[Session], project: Project
) -> None:
    lead, asked = signed_in(browser, "lena"), []
    for _ in range(3):
        with statements(sessions) as sent:
            page = lead.get("/projects/flowers/webhooks")
        assert page.status_code == 200
        asked.append(len(sent))
        with sessions.begin() as session:
            factories.make_webhooks(session, project.id, project.created_by)
    assert asked[0] == asked[1] == asked[2]
    assert asked[0] <= PAGE


def test_a_labeler_is_refused_and_a_stranger_finds_nothing(
    browser: Browser, sessions: sessionmaker[Session], project: Project
) -> None:
    with sessions.begin() as session:
        factories.make_user(session, "olga")
    address = f"/projects/{project.slug}/webhooks"
    assert signed_in(browser, "ada").get(address).status_code == 403
    assert signed_in(browser, "olga").get(address).status_code == 404


def test_the_log_names_the_system_and_the_operator(
    browser: Browser, sessions: sessionmaker[Session], project: Project
) -> None:
    with sessions.begin() as session:
        record(session, project.id, None, Verb.OPEN_ROUND, 1, proposals=4)
        record(session, project.id, None, Verb.EXPORT_MODEL, 1)
    lead = signed_in(browser, "lena")
    page = lead.get("/projects/flowers/events").text
    assert page.index("the operator") < page.index("the system")
    assert "Round opened for labeling: 1" in page
    answer = lead.get("/api/v1/projects/flowers/events/export?format=csv").text
    actors = [line.split(",")[2] for line in answer.splitlines()]
    assert actors == ["actor", "operator", "system"]
