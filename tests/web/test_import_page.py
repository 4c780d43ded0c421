"""The pages of imports, without a browser."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from app.db.tables import Import, ImportRefusal
from tests import factories
from tests.web.conftest import Browser, sign_in, statements

PAGE = "/projects/flowers/import"
OPTIONS = {"into": "examples", "split": "given", "rest": "skip", "create_categories": True}
PREVIEW = {
    "pictures": 3000,
    "examples": 2500,
    "pool": 0,
    "unnamed": 7,
    "annotations": [],
    "unknown": ["<Rose>"],
    "reasons": {"unknown_category": 500},
    "problems": [
        {"filename": f"<{index}>.jpg", "reason": "unknown_category"} for index in range(100)
    ],
    "categories": [
        {"name": f"Species {index}", "new": index % 2 == 0, "train": 3, "test": 1, "by_rule": 4}
        for index in range(620)
    ],
}


@pytest.fixture
def client(browser: Browser, sessions: sessionmaker[Session]) -> TestClient:
    with sessions.begin() as session:
        lea, ben, olga = (
            factories.make_user(session, name, lead=True) for name in ("lea", "ben", "olga")
        )
        project = factories.make_project(session, lea, labelers=[ben])
        factories.make_project(session, olga, "birds")
        for state in ("ready", "done", "failed"):
            made = Import(
                project_id=project.id,
                user_id=lea.id,
                filename=f"{state}.zip",
                size=3,
                format="imagefolder",
                options=OPTIONS,
                preview=PREVIEW,
                state=state,
                total=None if state == "ready" else 2500,
                counts={"stored": 900, "train": 700, "test": 200, "duplicate": 3},
                reasons={"not_an_image": 1200},
                error="The worker died." if state == "failed" else None,
            )
            session.add(made)
            session.flush()
            session.add_all(
                ImportRefusal(
                    import_id=made.id, position=at, filename=f"{at}.jpg", reason="not_an_image"
                )
                for at in range(1000)
            )
    client = browser()
    sign_in(client, "lea")
    return client


def test_the_list_asks_few_questions(client: TestClient, sessions: sessionmaker[Session]) -> None:
    with statements(sessions) as sent:
        answer = client.get(PAGE)
    assert answer.status_code == 200
    # Who calls and what they may, the reader's language; then the imports.
    assert len(sent) <= 4, sent
    for said in ("ready.zip", "done.zip", "Imported", "900", "1\u202f200"):
        assert said in answer.text


def test_an_import_asks_few_questions_however_much_it_left_out(
    client: TestClient, sessions: sessionmaker[Session]
) -> None:
    for number, words in enumerate(
        (
            (
                "Import 2\u202f500 pictures",
                "&lt;Rose&gt;",
                "&lt;99&gt;.jpg",
                "20 % of a category",
                "and 400",
            ),
            ("Train split", "700", "999.jpg", "and 200 more files"),
            ("The worker died.",),
        ),
        start=1,
    ):
        with statements(sessions) as sent:
            answer = client.get(f"{PAGE}/{number}")
        assert answer.status_code == 200
        assert len(sent) <= 5, sent
        for said in words:
            assert said in answer.text, said
        assert "<Rose>" not in answer.text


def test_the_pages_are_for_leads_of_the_project(client: TestClient, browser: Browser) -> None:
    assert client.get(f"{PAGE}/99").status_code == 404
    for login, status in (("ben", 403), ("olga", 404)):
        other = browser()
        sign_in(other, login)
        assert [other.get(path).status_code for path in (PAGE, f"{PAGE}/1")] == [status, status]
    assert other.get("/projects/birds/import/1").status_code == 404
