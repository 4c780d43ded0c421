"""The page of one round, and of two side by side."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from app.db import queries, round_queries
from app.db.tables import ModelVersion, Project, Proposal, Round, User
from app.domain.decision import Answer
from app.domain.round import RoundState
from app.settings import Settings
from app.usecases.rounds.end_round import cancel_round, close_round
from app.web.training_curves import loss_curve
from app.web.words import NONE, words_in
from tests import factories
from tests.web.conftest import Browser, sign_in, statements

NB = "\u00a0"
YES, NO, UNSURE = Answer.YES, Answer.NO, Answer.UNSURE
LEAD_PAGE = 21  # questions to the database, whatever the rounds hold
ROUND_PAGE = 14
COMPARE_PAGE = 19


@pytest.fixture
def labeling(sessions: sessionmaker[Session], settings: Settings) -> factories.Labeling:
    with sessions.begin() as session:
        lead = factories.make_user(session, "lena", lead=True)
        labeler = factories.make_user(session, "ada")
        project = factories.make_project(session, lead, labelers=[labeler])
        return factories.make_labeling(session, settings.data_dir / "blobs", project)


@pytest.fixture
def lead(browser: Browser, labeling: factories.Labeling) -> TestClient:
    del labeling
    client = browser()
    sign_in(client, "lena")
    return client


Rounds = Callable[..., None]


@pytest.fixture
def rounds(labeling: factories.Labeling, sessions: sessionmaker[Session]) -> Rounds:
    """Answers the newest round word by word with its seconds, and closes it; opens the next."""

    def play(*words: str, seconds: float | None = 2.0, close: bool = True, then: int = 0) -> None:
        with sessions.begin() as session:
            project = session.get_one(Project, labeling.project_id)
            newest = session.scalars(select(Round).order_by(Round.number.desc())).first()
            assert newest is not None
            ada = session.scalars(select(User.id).where(User.login == "ada")).one()
            asked = session.scalars(
                select(Proposal).where(Proposal.round_id == newest.id).order_by(Proposal.position)
            )
            for proposal, word in zip(asked.all(), words, strict=False):
                factories.answer(session, proposal, ada, word, seconds)
            if close:
                close_round(session, project, newest.number, datetime.now(UTC))
            if then:
                _open(session, project, labeling, newest.number + 1, then)

    return play


def _open(
    session: Session, project: Project, labeling: factories.Labeling, number: int, proposals: int
) -> None:
    made = factories.make_round(session, project, proposals, number=number)
    first = session.scalars(
        select(Proposal).where(Proposal.round_id == labeling.round_id).order_by(Proposal.id)
    ).all()
    session.add_all(
        Proposal(
            round_id=made.id,
            image_id=each.image_id,
            category_id=each.category_id,
            confidence=0.9,
            position=place,
        )
        for place, each in enumerate(first[:proposals])
    )


def shown(page: str) -> dict[str, tuple[str, str]]:
    """(value, note) of each number of a round's page, by its label."""
    found = re.findall(
        r'<dt>([^<]+)</dt><dd class="figure"><bdi dir="ltr">([^<]+)</bdi></dd>'
        r'<dd class="soft">([^<]*)</dd>',
        page,
    )
    return {label: (value, note) for label, value, note in found}


def test_a_closed_round_has_all_its_numbers(lead: TestClient, rounds: Rounds) -> None:
    rounds(YES, YES, YES, NO, UNSURE, seconds=2.0)
    numbers = shown(lead.get("/projects/flowers/rounds/1").text)
    assert numbers["Decisions per accepted image"] == ("1.67", "")
    assert numbers["Labeler time per accepted image"] == (f"3.3{NB}s", "")
    assert numbers["Precision of proposals"] == (f"75.0{NB}%", f"30.1{NB}% to 95.4{NB}%")
    assert numbers["Test accuracy"] == (f"62.5{NB}%", f"47.0{NB}% to 75.8{NB}%")
    assert numbers["Test accuracy, mean per category"] == (f"61.0{NB}%", "no interval was kept")
    assert numbers["Time per decision, median"] == (f"2.0{NB}s", "")
    assert numbers["Decisions in an hour of one labeler"] == ("1\u202f800", "")
    assert numbers["Train"] == (f"12{NB}s", "")


def test_an_idle_labeler_costs_a_minute_at_most(lead: TestClient, rounds: Rounds) -> None:
    rounds(YES, seconds=7000.0)
    numbers = shown(lead.get("/projects/flowers/rounds/1").text)
    assert numbers["Time per decision, median"] == (f"1{NB}min{NB}0{NB}s", "")


def test_what_is_unknown_is_a_dash_with_its_reason(lead: TestClient, rounds: Rounds) -> None:
    numbers = shown(lead.get("/projects/flowers/rounds/1").text)
    assert numbers["Decisions per accepted image"] == (NONE, "no answer")
    assert numbers["Precision of proposals"] == (NONE, "no yes or no")
    rounds(NO, seconds=None)
    numbers = shown(lead.get("/projects/flowers/rounds/1").text)
    assert numbers["Decisions per accepted image"] == (NONE, "no yes")
    assert numbers["Time per decision, median"] == (NONE, "no answer came with its time")


def test_a_round_before_its_training_says_so(
    lead: TestClient, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    with sessions.begin() as session:
        session.query(ModelVersion).delete()
        session.execute(
            update(Round)
            .where(Round.id == labeling.round_id)
            .values(state=RoundState.TRAINING, proposals=None)
        )
    numbers = shown(lead.get("/projects/flowers/rounds/1").text)
    assert numbers["Test accuracy"] == (NONE, "not trained yet")
    assert numbers["Proposals"] == (NONE, "not scored yet")


def test_a_cancelled_round_measures_no_effort(
    lead: TestClient, rounds: Rounds, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    rounds(YES, close=False)
    with sessions.begin() as session:
        project = session.get_one(Project, labeling.project_id)
        cancel_round(session, project, 1, datetime.now(UTC))
    numbers = shown(lead.get("/projects/flowers/rounds/1").text)
    assert numbers["Decisions per accepted image"] == (
        NONE,
        "not measured: the round was cancelled",
    )


def test_an_open_round_counts_what_is_in_force_and_the_newest_times(
    lead: TestClient, rounds: Rounds
) -> None:
    rounds(YES, NO, seconds=3.0, close=False)
    page = lead.get("/projects/flowers/rounds/1").text
    assert shown(page)["Labeler time per accepted image"] == (f"6.0{NB}s", "")
    assert "The round is open" in page


def test_the_effort_leaves_out_undos_and_the_yes_of_a_pick(
    rounds: Rounds, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    rounds(YES, YES, NO, seconds=4.0, close=False)
    with sessions.begin() as session:
        ada = session.scalars(select(User.id).where(User.login == "ada")).one()
        one, two, three = (session.get_one(Proposal, each) for each in labeling.proposal_ids[:3])
        factories.answer(session, one, ada, NO, 8.0)  # another answer to the same question
        two.picked_by = ada
        factories.answer(session, three, ada, Answer.NO).answer = Answer.UNDO
        session.flush()
        effort = round_queries.effort_of(session, labeling.round_id)
    assert (effort.decisions, effort.timed, effort.seconds, effort.median) == (3, 3, 16.0, 4.0)


def test_the_worst_category_comes_first_and_each_column_sorts(
    lead: TestClient, rounds: Rounds
) -> None:
    rounds(YES, YES, NO, NO, NO, NO, YES, YES)  # the first category has six proposals

    def order(query: str) -> list[str]:
        page = lead.get(f"/projects/flowers/rounds/1{query}").text
        return re.findall(r'<th scope="row"><bdi>([^<]+)</bdi>', page)

    gentian, aster = "Spring gentian", "Alpine aster"
    assert order("") == order("?sort=nonsense") == [gentian, aster]
    assert order("?sort=precision&order=desc") == [aster, gentian]
    assert order("?sort=category&order=asc") == [aster, gentian]
    assert order("?sort=no&order=asc") == [aster, gentian]
    page = lead.get("/projects/flowers/rounds/1").text
    assert 'aria-sort="ascending"><a href="?sort=precision&amp;order=desc">Precision</a>' in page
    assert f"33.3{NB}%" in page


def test_known_questions_are_no_proposals_of_a_category(
    lead: TestClient, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    with sessions.begin() as session:
        session.get_one(Proposal, labeling.proposal_ids[0]).gold = "yes"
        found = round_queries.category_answers(session, labeling.round_id)
    assert [each.proposals for each in found] == [6, 5]
    assert lead.get("/projects/flowers/rounds/1").status_code == 200


def test_two_rounds_side_by_side(lead: TestClient, rounds: Rounds) -> None:
    rounds(YES, YES, NO, NO, seconds=2.0, then=4)
    rounds(YES, YES, YES, NO, seconds=4.0)
    page = lead.get("/projects/flowers/rounds/compare?a=1&b=2").text
    row = page[page.index("Precision of proposals") :][:700]
    assert f"50.0{NB}%" in row
    assert f"75.0{NB}%" in row
    assert "+25.0 points" in row
    assert f"+2.0{NB}s" in page  # of the median
    assert "2 of 4" in page
    assert "no proposal" in page  # the second category in the second round
    assert lead.get("/projects/flowers/rounds/compare").text == page


def test_comparing_needs_two_rounds_that_exist(lead: TestClient, rounds: Rounds) -> None:
    assert "There are no two rounds yet." in lead.get("/projects/flowers/rounds/compare").text
    rounds(YES, then=2)
    assert lead.get("/projects/flowers/rounds/compare?a=1&b=7").status_code == 404
    assert lead.get("/projects/flowers/rounds/7").status_code == 404
    assert "/projects/flowers/rounds/compare" in lead.get("/projects/flowers").text


def test_labelers_are_not_let_in(browser: Browser, labeling: factories.Labeling) -> None:
    del labeling
    client = browser()
    sign_in(client, "ada")
    for page in ("rounds/1", "rounds/compare"):
        assert client.get(f"/projects/flowers/{page}").status_code == 403


def test_the_cost_is_the_headline_and_forecast_once_two_rounds_are_closed(
    lead: TestClient, rounds: Rounds
) -> None:
    assert "no yes yet" in lead.get("/projects/flowers").text
    rounds(YES, YES, NO, NO, seconds=2.0, then=4)
    page = lead.get("/projects/flowers").text
    assert re.search(rf"Cost per accepted image</dt><dd>4.0{NB}s</dd>", page)
    assert "in round 1, and 2.00 decisions. A forecast needs two closed rounds" in page
    rounds(YES, YES, YES, NO, seconds=3.0, then=4)
    page = lead.get("/projects/flowers").text
    assert f"Next round, with 80% probability: 4.0{NB}s to 4.0{NB}s, and" in page


def test_the_pages_ask_as_often_for_many_rounds_as_for_one(
    lead: TestClient, rounds: Rounds, sessions: sessionmaker[Session]
) -> None:
    def asked(page: str) -> int:
        with statements(sessions) as sent:
            assert lead.get(f"/projects/flowers{page}").status_code == 200
        return len(sent)

    rounds(YES, close=False)
    once = asked(""), asked("/rounds/1")
    rounds(YES, NO, then=6)
    rounds(YES, NO, YES, then=6)
    rounds(YES, close=False)
    assert (asked(""), asked("/rounds/3")) == once
    assert once[0] <= LEAD_PAGE
    assert once[1] <= ROUND_PAGE
    assert asked("/rounds/compare") <= COMPARE_PAGE


def test_the_curve_of_the_training_is_drawn(
    lead: TestClient, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    page = lead.get("/projects/flowers/rounds/1").text
    assert "No curve was kept" in page
    with sessions.begin() as session:
        model = session.scalars(
            select(ModelVersion).where(ModelVersion.round_id == labeling.round_id)
        ).one()
        model.metrics = model.metrics | {
            "curves": {
                "loss": [[250, 0.8], [500, 0.2]],
                "accuracy": [[250, 0.5], [500, 0.75]],
            }
        }
    page = lead.get("/projects/flowers/rounds/1").text
    assert "Loss of the training over 500 steps: 0.800 at first, 0.200 in the end" in page
    assert 'points="334.0,28.0 616.0,149.5"' in page
    assert f"Accuracy over 500 steps: 50.0{NB}% at first, 75.0{NB}% in the end" in page
    with sessions() as session:
        (summary,) = queries.rounds(session, labeling.project_id)
    assert "curves" not in summary.metrics


@pytest.mark.parametrize(
    ("losses", "levels"),
    [
        ([3.2, 0.1], 4.0),
        ([0.009, 0.001], 0.01),
        ([0.8, 0.8], 0.8),
        ([0.0, 0.0], 1.0),
    ],
)
def test_the_scale_of_a_curve_holds_it_from_zero(losses: list[float], levels: float) -> None:
    curve = loss_curve(list(enumerate(losses, 1)), words_in("en"))
    assert curve is not None
    assert 2 <= len(curve.rules) <= 6
    assert float(curve.rules[-1].value) == pytest.approx(levels)
    assert float(curve.rules[0].value) == 0
    assert loss_curve([(1, 0.5)], words_in("en")) is None
