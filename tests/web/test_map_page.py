"""The page of the map, without a browser."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import FolderBlobs
from app.db.tables import Job
from app.domain.job import JobKind
from app.settings import Settings
from tests import factories
from tests.web.conftest import Browser, sign_in, statements

PAGE = "/projects/flowers/map"


@pytest.fixture
def labeling(sessions: sessionmaker[Session], settings: Settings) -> factories.Labeling:
    with sessions.begin() as session:
        lea, ben = (
            factories.make_user(session, "lea", lead=True),
            factories.make_user(session, "ben"),
        )
        project = factories.make_project(session, lea, labelers=[ben])
        return factories.make_labeling(session, settings.data_dir / "blobs", project, proposals=2)


def lead(browser: Browser) -> TestClient:
    client = browser()
    sign_in(client, "lea")
    return client


def job(sessions: sessionmaker[Session], round_id: int, state: str, error: str | None) -> None:
    with sessions.begin() as session:
        session.add(Job(round_id=round_id, kind=JobKind.DRAW_MAP, state=state, error=error))


def test_before_the_first_map_the_page_says_what_happens(
    browser: Browser, sessions: sessionmaker[Session], labeling: factories.Labeling
) -> None:
    client = lead(browser)
    assert "A map is drawn when a round is scored." in client.get(PAGE).text
    job(sessions, labeling.round_id, "running", None)
    page = client.get(PAGE).text
    assert "The map of round 1 is being drawn." in page
    assert 'data-drawing="1"' in page
    assert "<canvas" not in page
    assert client.get(f"{PAGE}?round=1").status_code == 404


def test_a_failure_is_told(
    browser: Browser, sessions: sessionmaker[Session], labeling: factories.Labeling
) -> None:
    job(sessions, labeling.round_id, "failed", "It nearly equals <all>.")
    page = lead(browser).get(PAGE).text
    assert "The map of round 1 could not be drawn: It nearly equals &lt;all&gt;." in page


def test_a_map_is_shown_to_leads_in_few_questions(
    browser: Browser,
    sessions: sessionmaker[Session],
    settings: Settings,
    labeling: factories.Labeling,
) -> None:
    with sessions.begin() as session:
        places = [(float(index), 0.0) for index in range(10)]
        factories.make_map(session, FolderBlobs(settings.data_dir / "blobs"), labeling, places)
    client = lead(browser)
    with statements(sessions) as sent:
        answer = client.get(f"{PAGE}?round=1")
    assert answer.status_code == 200
    # Who calls and what they may, the reader's language; then the rounds, the map, its job.
    assert len(sent) <= 6, sent
    for said in ("Map of round 1", "60.0", "40.0", "Training pictures"):
        assert said in answer.text
    assert client.get(f"{PAGE}?round=2").status_code == 404
    other = browser()
    sign_in(other, "ben")
    assert other.get(PAGE).status_code == 403
