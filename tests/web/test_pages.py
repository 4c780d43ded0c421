import re
from pathlib import Path

import pytest
import structlog.testing
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from app.db.tables import Proposal, Round, User
from app.domain.decision import Answer
from app.domain.round import RoundState
from app.settings import Settings
from app.web.lead_nav import PLACES, Place
from tests import factories
from tests.web.conftest import Browser, sign_in

STATIC = Path(__file__).parents[2] / "app" / "web" / "static"


@pytest.fixture
def labeling(sessions: sessionmaker[Session], settings: Settings) -> factories.Labeling:
    with sessions.begin() as session:
        lead = factories.make_user(session, "lena", lead=True)
        labeler = factories.make_user(session, "ada")
        factories.make_user(session, "otto")
        project = factories.make_project(session, lead, labelers=[labeler])
        return factories.make_labeling(session, settings.data_dir / "blobs", project)


def signed_in(browser: Browser, login: str) -> TestClient:
    client = browser()
    assert sign_in(client, login).status_code == 303
    return client


def test_home_offers_what_the_role_allows(browser: Browser, labeling: factories.Labeling) -> None:
    lead, labeler, outsider = (
        signed_in(browser, login).get("/").text for login in ("lena", "ada", "otto")
    )
    assert 'href="/projects/flowers"' in lead
    assert 'href="/projects/flowers"' not in labeler
    assert 'href="/projects/flowers/label"' in lead
    assert 'href="/projects/flowers/label"' in labeler
    assert "Round 1: Labeling" in labeler
    assert "flowers" not in outsider
    assert "not a member" in outsider
    assert labeling.slug == "flowers"


def test_outsiders_cannot_tell_a_project_from_none(
    browser: Browser, labeling: factories.Labeling
) -> None:
    client = signed_in(browser, "otto")
    for page in ("", "/label"):
        real = client.get(f"/projects/{labeling.slug}{page}")
        none = client.get(f"/projects/no-such{page}")
        assert real.status_code == none.status_code == 404
        assert real.text.replace(labeling.slug, "no-such") == none.text


def test_the_lead_page_is_closed_to_labelers(
    browser: Browser, labeling: factories.Labeling
) -> None:
    answer = signed_in(browser, "ada").get(f"/projects/{labeling.slug}")
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "ask a lead" in answer.text


def test_both_roles_may_label(browser: Browser, labeling: factories.Labeling) -> None:
    for login in ("lena", "ada"):
        answer = signed_in(browser, login).get(f"/projects/{labeling.slug}/label")
        assert answer.status_code == 200
        assert 'data-project="flowers"' in answer.text


def test_the_lead_page_shows_the_numbers(
    browser: Browser, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    with sessions.begin() as session:
        lena = session.scalars(select(User.id).where(User.login == "lena")).one()
        for answer, ids in (
            (Answer.YES, labeling.proposal_ids[:3]),
            (Answer.NO, labeling.proposal_ids[3:4]),
        ):
            for proposal_id in ids:
                proposal = session.get_one(Proposal, proposal_id)
                factories.answer(session, proposal, lena, answer)
    page = signed_in(browser, "lena").get(f"/projects/{labeling.slug}").text
    assert "4 of 12" in page
    assert "3 yes, 1 no, 0 unsure" in page
    assert "75.0\u00a0%" in page
    assert "62.5\u00a0%" in page
    assert "3 yes join the dataset. 1 no becomes a hard negative." in page
    assert "8 proposals that are unsure or unanswered go back to the pool" in page
    assert "Read pictures 12\u00a0s · Train 12\u00a0s · Score 12\u00a0s" in page


@pytest.mark.parametrize("state", list(RoundState))
def test_the_lead_page_renders_in_every_state_of_a_round(
    browser: Browser,
    labeling: factories.Labeling,
    sessions: sessionmaker[Session],
    state: RoundState,
) -> None:
    with sessions.begin() as session:
        session.execute(
            update(Round)
            .where(Round.id == labeling.round_id)
            .values(state=state, error="It broke.")
        )
    answer = signed_in(browser, "lena").get(f"/projects/{labeling.slug}")
    assert answer.status_code == 200
    working = state in {RoundState.EMBEDDING, RoundState.TRAINING, RoundState.SCORING}
    assert ('id="work-bar"' in answer.text) is working
    assert ("Close the round …" in answer.text) is (state is RoundState.LABELING)
    over = state in {RoundState.CLOSED, RoundState.CANCELLED, RoundState.FAILED}
    assert ("Start round 2" in answer.text) is over


def test_an_empty_project_has_a_page_too(browser: Browser, sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        lead = factories.make_user(session, "lena", lead=True)
        factories.make_project(session, lead, name="<b>Bold</b>")
    page = signed_in(browser, "lena").get("/projects/flowers")
    assert page.status_code == 200
    assert "no test split" in page.text
    assert "Start round 1" in page.text
    assert "<b>" not in page.text


def test_unknown_page_is_a_page_with_a_status(browser: Browser) -> None:
    answer = browser().get("/no/such/page")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "There is nothing here" in answer.text


def test_an_unexpected_error_is_a_page_with_safe_headers(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("app.web.sign_in._form", broken)
    monkeypatch.setattr("app.api.problems.log", structlog.testing.CapturingLogger())
    client = browser()
    client._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    answer = client.get("/sign-in")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_each_page_for_leads_leads_to_all_others(
    browser: Browser, labeling: factories.Labeling, place: Place
) -> None:
    page = signed_in(browser, "lena").get(f"/projects/{labeling.slug}{place.suffix}").text
    places = page[page.index('<nav class="places"') :].partition("</nav>")[0]
    links = re.findall(r'<li><a href="([^"]+)"( aria-current="page")?>([^<]+)</a></li>', places)
    assert links == [
        (
            f"/projects/{labeling.slug}{each.suffix}",
            ' aria-current="page"' if each == place else "",
            each.name,
        )
        for each in PLACES
    ]
