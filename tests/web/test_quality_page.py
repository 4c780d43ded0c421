"""The quality page: numbers with their intervals, or how many answers are missing."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.db.session import Sessions, database_now
from app.db.tables import Decision, Project, Proposal, User
from app.settings import Settings
from app.usecases.rounds.end_round import close_round
from tests import factories
from tests.web.conftest import Browser, sign_in, statements
from workers.count_quality import count_once

NB = "\u00a0"
PAGE = "/projects/flowers/quality"
QUALITY_PAGE = 12  # questions to the database, whatever the rounds hold


@pytest.fixture
def labeling(sessions: sessionmaker[Session], settings: Settings) -> factories.Labeling:
    with sessions.begin() as session:
        lead = factories.make_user(session, "lena", lead=True)
        labeler = factories.make_user(session, "ada")
        factories.make_project(session, factories.make_user(session, "olga"), "birds")
        project = factories.make_project(session, lead, labelers=[labeler])
        folder = settings.data_dir / "blobs"
        return factories.make_labeling(session, folder, project, proposals=21)


@pytest.fixture
def lead(browser: Browser, labeling: factories.Labeling) -> TestClient:
    del labeling
    client = browser()
    sign_in(client, "lena")
    return client


def count(sessions: sessionmaker[Session]) -> None:
    count_once(Sessions(sessions.kw["bind"]))


@pytest.fixture
def audited(labeling: factories.Labeling, sessions: sessionmaker[Session]) -> None:
    """Round 1 has 21 yes and 21 no; round 2 asks about all of them again, but for one yes."""
    with sessions.begin() as session:
        project = session.get_one(Project, labeling.project_id)
        ada = session.scalars(select(User.id).where(User.login == "ada")).one()
        for place, proposal_id in enumerate(labeling.proposal_ids):
            proposal = session.get_one(Proposal, proposal_id)
            factories.answer(session, proposal, ada, "no" if place % 2 else "yes", 3.0)
        close_round(session, project, 1, database_now(session))
        again = factories.make_round(session, project, 42, number=2)
        decisions = session.scalars(select(Decision).order_by(Decision.id)).all()
        for place, earlier in enumerate(decisions[1:]):
            asked = session.get_one(Proposal, earlier.proposal_id)
            # Two of the refused ones are contradicted; a lead has decided about the first.
            contradicted = place in (0, 2)
            audit = Proposal(
                round_id=again.id,
                image_id=asked.image_id,
                category_id=asked.category_id,
                confidence=0.8,
                position=place,
                gold=earlier.answer,
                audits=earlier.id,
                adjudicated=place == 0,
            )
            session.add(audit)
            session.flush()
            word = "yes" if contradicted else earlier.answer
            factories.answer(session, audit, project.created_by, word, 2.0)
    count(sessions)


def test_before_anything_is_counted(lead: TestClient, sessions: sessionmaker[Session]) -> None:
    page = lead.get(PAGE).text
    assert "This round is not counted yet" in page
    assert "Nothing was asked again yet" in page
    assert "Nothing waits for you" in page
    count(sessions)
    page = lead.get(PAGE).text
    assert "Answers counted: 0" in page
    assert "Not enough yet: 0 of at least 20 questions with several answers." in page


@pytest.mark.usefixtures("audited")
def test_the_audit_is_told_with_its_interval(lead: TestClient) -> None:
    page = lead.get(PAGE).text
    assert f"9.5{NB}%" in page
    assert "of 21 refused pictures are of their category after all." in page
    assert "Asked again: 21, found wrong: 1." in page
    assert "1 contradiction waits for you and counts as wrong until then." in page
    assert "of 21 accepted pictures are not of their category." in page
    assert "Asked again: 20, found wrong: 0." in page
    assert "1 question waits for you" in page
    assert "not enough yet" not in lead.get(f"{PAGE}?round=2").text.split("Known answers")[0]
    first = lead.get(f"{PAGE}?round=1").text
    assert f"3.0{NB}s" in first
    assert "21 yes, 21 no, 0 unsure" in first
    assert "Set aside …" not in first  # its round is over
    assert "Set aside …" in page
    assert lead.get(f"{PAGE}?round=3").status_code == 404


@pytest.mark.usefixtures("audited")
def test_the_page_asks_as_often_whatever_there_is(
    lead: TestClient, sessions: sessionmaker[Session]
) -> None:
    with statements(sessions) as sent:
        assert lead.get(PAGE).status_code == 200
    assert len(sent) <= QUALITY_PAGE, sent


def test_it_is_for_leads_of_the_project(
    browser: Browser, lead: TestClient, labeling: factories.Labeling
) -> None:
    del labeling
    client = browser()
    sign_in(client, "ada")
    assert client.get(PAGE).status_code == 403
    assert lead.get("/projects/birds/quality").status_code == 404
