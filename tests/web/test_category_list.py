"""The list of a project's categories."""

import re
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.db.tables import Category, Project, Proposal, Round, User
from app.settings import Settings
from app.usecases.rounds.end_round import close_round
from app.web.words import NONE
from tests import factories
from tests.web.conftest import Browser, sign_in, statements

NB = "\u00a0"
LIST = "/projects/flowers/categories"
STATEMENTS = 9  # questions to the database, however many categories


@pytest.fixture
def labeling(sessions: sessionmaker[Session], settings: Settings) -> factories.Labeling:
    """Six proposals each of two categories, in the first round."""
    with sessions.begin() as session:
        lead = factories.make_user(session, "lena", lead=True)
        project = factories.make_project(
            session, lead, labelers=[factories.make_user(session, "ada")]
        )
        return factories.make_labeling(session, settings.data_dir / "blobs", project)


@pytest.fixture
def lead(browser: Browser, labeling: factories.Labeling) -> TestClient:
    del labeling
    client = browser()
    sign_in(client, "lena")
    return client


def answer(sessions: sessionmaker[Session], labeling: factories.Labeling, *words: str) -> None:
    """Ada answers the first proposals."""
    with sessions.begin() as session:
        ada = session.scalars(select(User.id).where(User.login == "ada")).one()
        for number, word in zip(labeling.proposal_ids, words, strict=False):
            factories.answer(session, session.get_one(Proposal, number), ada, word)


def close(sessions: sessionmaker[Session], labeling: factories.Labeling) -> None:
    with sessions.begin() as session:
        close_round(session, session.get_one(Project, labeling.project_id), 1, datetime.now(UTC))


def rows(page: str) -> dict[str, list[str]]:
    """The cells of each line by the category's name."""
    found = {}
    for line in re.findall(r'<tr><th scope="row">(.*?)</tr>', page, re.DOTALL):
        name, *_ = re.findall(r"<bdi>(.*?)</bdi>", line)
        found[name] = re.findall(r"<td[^>]*>(.*?)</td>", line)
    return found


def test_each_category_with_what_grew_and_how_it_was_answered(
    lead: TestClient, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    answer(sessions, labeling, "yes", "yes", "yes", "no", "unsure")
    found = rows(lead.get(LIST).text)
    shown = ["3", "3", "0", "0", "1", f"75.0{NB}%", f"30.1{NB}% to 95.4{NB}%"]
    assert found["Spring gentian"] == shown
    assert found["Alpine aster"] == ["3", "3", "0", "0", "6", NONE, "no yes or no"]
    close(sessions, labeling)
    page = lead.get(LIST).text
    assert rows(page)["Spring gentian"][:5] == ["3", "6", "0", "1", "0"]
    assert "Precision is yes of yes and no in round 1." in page
    assert "6 seeds, 9 pictures to train on now" in page
    assert "6 pictures and 3; 1.0 times before growth" in page
    assert "Now: 6, 3 and 3." in page


def test_known_questions_and_cancelled_rounds_do_not_count(
    lead: TestClient, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    answer(sessions, labeling, "yes", "no")
    with sessions.begin() as session:
        session.get_one(Proposal, labeling.proposal_ids[1]).gold = "no"
        session.get_one(Proposal, labeling.proposal_ids[2]).gold = "yes"
    found = rows(lead.get(LIST).text)["Spring gentian"]
    assert found[4:6] == ["3", f"100.0{NB}%"]
    with sessions.begin() as session:
        session.get_one(Round, labeling.round_id).state = "cancelled"
    assert rows(lead.get(LIST).text)["Spring gentian"][4:6] == ["0", NONE]


def test_it_is_sorted_and_searched(
    lead: TestClient, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    answer(sessions, labeling, "yes")
    gentian, aster = "Spring gentian", "Alpine aster"

    def order(query: str) -> list[str]:
        return list(rows(lead.get(f"{LIST}?{query}").text))

    assert order("sort=nonsense&order=asc") == order("")
    assert order("sort=name&order=asc") == [aster, gentian]
    assert order("sort=name&order=desc") == [gentian, aster]
    assert order("sort=open&order=desc") == [aster, gentian]
    # What was never judged comes last, both ways.
    assert order("sort=precision&order=asc") == order("sort=precision&order=desc")
    assert order("sort=precision&order=asc") == [gentian, aster]
    assert order("name=GENT") == [gentian]
    assert order("name=aster+alp") == [aster]
    page = lead.get(f"{LIST}?name=rose").text
    assert rows(page) == {}
    assert "No category has this in its name." in page
    assert "The long tail" in page


def test_a_thousand_categories_come_a_hundred_at_a_time_in_as_many_questions(
    lead: TestClient, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    def asked() -> int:
        with statements(sessions) as sent:
            assert lead.get(LIST).status_code == 200
        return len(sent)

    few = asked()
    with sessions.begin() as session:
        session.add_all(
            Category(project_id=labeling.project_id, name=f"Rose {n:04}") for n in range(998)
        )
    assert asked() == few <= STATEMENTS
    page = lead.get(f"{LIST}?sort=name&order=asc&page=2").text
    assert list(rows(page))[::99] == ["Rose 0099", "Rose 0198"]
    assert "101 to 200 of 1\u202f000" in page
    assert "page=1" in page
    assert "page=3" in page
    assert rows(lead.get(f"{LIST}?page=999").text) == {}
    points = re.findall(r'class="line now" points="([^"]*)"', page)[0].split()
    assert len(points) == 401
    assert points[-1].startswith("1000,")


def test_a_project_without_categories_says_so(
    browser: Browser, sessions: sessionmaker[Session]
) -> None:
    with sessions.begin() as session:
        factories.make_project(session, factories.make_user(session, "olga", lead=True), "birds")
    client = browser()
    sign_in(client, "olga")
    page = client.get("/projects/birds/categories")
    assert page.status_code == 200
    assert "The long tail" not in page.text
    assert "There is no category yet." in page.text


def test_only_leads_are_let_in(browser: Browser, labeling: factories.Labeling) -> None:
    del labeling
    client = browser()
    sign_in(client, "ada")
    assert client.get(LIST).status_code == 403
    assert client.get("/projects/trees/categories").status_code == 404
