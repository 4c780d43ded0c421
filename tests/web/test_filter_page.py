"""The page of the coarse filter, without a browser."""

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import FolderBlobs
from app.db.tables import Job, Project
from app.domain.job import JobKind
from app.settings import Settings
from tests import factories
from tests.web.conftest import Browser, sign_in, statements

PAGE = "/projects/flowers/pool/filter"


@pytest.fixture
def project_id(sessions: sessionmaker[Session]) -> int:
    with sessions.begin() as session:
        lea = factories.make_user(session, "lea", lead=True)
        ben = factories.make_user(session, "ben")
        return factories.make_project(session, lea, labelers=[ben]).id


def job(
    sessions: sessionmaker[Session], project_id: int, state: str, error: str | None = None
) -> None:
    with sessions.begin() as session:
        session.add(
            Job(
                project_id=project_id,
                kind=JobKind.TRAIN_FILTER,
                state=state,
                error=error,
                step=4096,
                steps=1_000_000,
            )
        )


def test_each_state_is_told(
    browser: Browser, sessions: sessionmaker[Session], settings: Settings, project_id: int
) -> None:
    client = browser()
    sign_in(client, "lea")
    page = client.get(PAGE).text
    assert "No coarse filter yet" in page
    assert 'id="threshold"' not in page
    job(sessions, project_id, "failed", "Only 3 <negatives>.")
    assert "Only 3 &lt;negatives&gt;." in client.get(PAGE).text
    job(sessions, project_id, "queued")
    assert "Waiting for a worker" in client.get(PAGE).text
    with sessions.begin() as session:
        project = session.get_one(Project, project_id)
        blobs = FolderBlobs(settings.data_dir / "blobs")
        factories.make_filter(session, blobs, project, [0.2, 0.7])
        session.execute(update(Job).where(Job.state == "queued").values(state="running"))
    with statements(sessions) as sent:
        answer = client.get(PAGE)
    # Who calls and what they may, the reader's language; the filters, the job, three counts or lists.
    assert len(sent) <= 9, sent
    for said in (
        "Scoring the pool: 4\u202f096 of 1\u202f000\u202f000 candidates",
        "0.9870",
        "0.50",
    ):
        assert said in answer.text
    other = browser()
    sign_in(other, "ben")
    assert other.get(PAGE).status_code == 403
