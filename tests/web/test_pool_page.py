"""The pages of the pool, without a browser."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from app.context import Context
from app.db.tables import BatchRefusal
from app.domain.batch import BatchKind, BatchState
from tests import factories
from tests.web.conftest import Browser, sign_in, statements

PAGE = "/projects/flowers/pool"


@pytest.fixture
def client(browser: Browser, sessions: sessionmaker[Session], context: Context) -> TestClient:
    with sessions.begin() as session:
        lea, ben, olga = (
            factories.make_user(session, name, lead=True) for name in ("lea", "ben", "olga")
        )
        project = factories.make_project(session, lea, labelers=[ben])
        factories.make_project(session, olga, "birds")
        factories.make_pool(session, context.blobs, project, candidates=3)
        for index in range(60):
            batch = factories.make_batch(
                session,
                project,
                kind=BatchKind.SYNC,
                name=f"<{index}>",
                state=BatchState.RUNNING,
                total=5000,
                done=1200 + index,
                received=1200,
                stored=1100,
                rejected=100,
                reasons={"truncated": 60, "a_reason_of_tomorrow": 40},
            )
            session.add_all(
                BatchRefusal(batch_id=batch.id, filename=f"<{at}>.jpg", reason="truncated")
                for at in range(100 if index < 2 else 0)
            )
    client = browser()
    sign_in(client, "lea")
    return client


def test_the_pool_asks_few_questions(client: TestClient, sessions: sessionmaker[Session]) -> None:
    with statements(sessions) as sent:
        answer = client.get(PAGE)
    assert answer.status_code == 200
    # Who calls and what they may, the reader's language; the batches, where all stand, what came.
    assert len(sent) <= 6, sent
    for said in ("&lt;59&gt;", "1\u202f259 of 5\u202f000 files", "Coming in", "6\u202f000"):
        assert said in answer.text, said
    assert "<59>" not in answer.text
    assert "&lt;9&gt;" not in answer.text
    older = client.get(PAGE, params={"before": 11})
    assert "&lt;9&gt;" in older.text
    assert 'rel="next"' in answer.text
    assert 'rel="next"' not in older.text


def test_a_batch_asks_few_questions(client: TestClient, sessions: sessionmaker[Session]) -> None:
    with statements(sessions) as sent:
        answer = client.get(f"{PAGE}/batches/1")
    assert answer.status_code == 200
    assert len(sent) <= 7, sent
    for said in (
        "&lt;99&gt;.jpg", "The picture ends too early.", "It could not be taken.", 'value="1200"',
    ):  # fmt: skip
        assert said in answer.text, said


def test_the_pages_are_for_leads_of_the_project(client: TestClient, browser: Browser) -> None:
    assert client.get(f"{PAGE}/batches/999").status_code == 404
    for login, status in (("ben", 403), ("olga", 404)):
        other = browser()
        sign_in(other, login)
        paths = (PAGE, f"{PAGE}/batches/1")
        assert [other.get(path).status_code for path in paths] == [status, status]
    assert other.get("/projects/birds/pool/batches/1").status_code == 404
