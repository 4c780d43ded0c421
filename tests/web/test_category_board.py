"""The board of one category."""

import re
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import FolderBlobs
from app.db.tables import (
    Category,
    Confusion,
    Decision,
    ModelVersion,
    Project,
    Proposal,
    Round,
    User,
)
from app.domain.dataset import Split
from app.settings import Settings
from app.usecases.rounds.end_round import close_round
from tests import factories
from tests.web.conftest import Browser, sign_in, statements

NB = "\u00a0"
STATEMENTS = 17  # questions to the database, however many rounds, pictures and confusions


@pytest.fixture
def labeling(sessions: sessionmaker[Session], settings: Settings) -> factories.Labeling:
    """Six proposals each of gentian and aster, in the first round; the aster names the gentian."""
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


def path(labeling: factories.Labeling, place: int = 0) -> str:
    return f"/projects/flowers/categories/{labeling.category_ids[place]}"


def answer(
    sessions: sessionmaker[Session], labeling: factories.Labeling, *words: str, close: bool = False
) -> None:
    """Ada answers the first proposals; a no of a gentian says that it is an aster."""
    with sessions.begin() as session:
        ada = session.scalars(select(User.id).where(User.login == "ada")).one()
        for number, word in zip(labeling.proposal_ids, words, strict=False):
            made = factories.answer(session, session.get_one(Proposal, number), ada, word)
            if word == "no":
                made.picked_category_id = labeling.category_ids[1]
        if close:
            project = session.get_one(Project, labeling.project_id)
            close_round(session, project, 1, datetime.now(UTC))


def numbers(page: str) -> dict[str, tuple[str, str]]:
    found = re.findall(
        r'<dt>([^<]+)</dt><dd class="figure"><bdi dir="ltr">([^<]+)</bdi></dd>'
        r'<dd class="soft">([^<]*)</dd>',
        page,
    )
    return {label: (value, note) for label, value, note in found}


def confused(page: str) -> dict[str, list[str]]:
    part = page[page.index('id="confused-heading"') : page.index('id="pictures"')]
    return {
        re.findall(r"<bdi>(.*?)</bdi>", line)[0]: re.findall(r"<td[^>]*>(.*?)</td>", line)
        for line in re.findall(r'<tr><th scope="row">(.*?)</tr>', part, re.DOTALL)
    }


def notes(page: str) -> list[str]:
    return re.findall(r'height="160"></a>\s*<p class="soft">([^<]*)</p>', page)


def test_it_tells_what_the_category_holds_and_how_it_was_answered(
    lead: TestClient, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    answer(sessions, labeling, "yes", "yes", "no")
    page = lead.get(path(labeling)).text
    found = numbers(page)
    assert found["Train split"] == ("3", "3 seeds and 0 found by vetting")
    assert found["Open proposals"] == ("3", "wait for an answer")
    value, note = found["Precision of proposals"]
    assert value == f"66.7{NB}%"
    assert note.endswith("· round 1")
    assert found["Threshold"] == ("0.5", "confidence above which round 1 proposed")
    assert "Five <strong>deep blue</strong> petals." in page
    assert f'href="{path(labeling)}/edit"' in page
    assert f'href="{path(labeling)}/change"' in page
    aster = lead.get(path(labeling, 1)).text
    assert re.search(rf'Look-alikes:.*?href="{path(labeling)}"', aster, re.DOTALL)


def test_its_pictures_say_where_they_came_from(
    lead: TestClient,
    labeling: factories.Labeling,
    sessions: sessionmaker[Session],
    settings: Settings,
) -> None:
    answer(sessions, labeling, "yes", "yes", "no", close=True)
    with sessions.begin() as session:
        project = session.get_one(Project, labeling.project_id)
        category = session.get_one(Category, labeling.category_ids[0])
        blobs = FolderBlobs(settings.data_dir / "blobs")
        image = factories.make_image(session, blobs, project, factories.paint(0, 99))
        factories.make_example(session, image, category, Split.TEST)
    page = lead.get(path(labeling)).text
    assert notes(page) == ["Test split · seed", "round 1", "round 1", "seed", "seed", "seed"]
    assert "1 to 6 of 6" in page
    assert "Examples (6)" in page
    assert notes(lead.get(f"{path(labeling)}?show=hard-negatives").text) == [
        "round 1 · rather Alpine aster"
    ]
    empty = lead.get(f"{path(labeling)}?show=open").text
    assert "There is no such picture." in empty
    assert notes(lead.get(f"{path(labeling)}?show=nonsense").text) == notes(page)


def test_open_proposals_come_with_the_surest_first_and_without_known_questions(
    lead: TestClient, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    answer(sessions, labeling, "yes")
    with sessions.begin() as session:
        session.get_one(Proposal, labeling.proposal_ids[1]).gold = "yes"
        session.get_one(Proposal, labeling.proposal_ids[4]).confidence = 0.97
        session.get_one(Proposal, labeling.proposal_ids[5]).confidence = None
    page = lead.get(f"{path(labeling)}?show=open").text
    assert notes(page) == [f"97.0{NB}%", f"90.0{NB}%", f"90.0{NB}%", "picked by a labeler"]


def test_pictures_come_a_page_at_a_time(
    lead: TestClient,
    labeling: factories.Labeling,
    sessions: sessionmaker[Session],
    settings: Settings,
) -> None:
    with sessions.begin() as session:
        project = session.get_one(Project, labeling.project_id)
        category = session.get_one(Category, labeling.category_ids[0])
        blobs = FolderBlobs(settings.data_dir / "blobs")
        for index in range(50):
            image = factories.make_image(session, blobs, project, factories.paint(0, 200 + index))
            factories.make_example(session, image, category)
    page = lead.get(path(labeling)).text
    assert len(notes(page)) == 48
    assert "show=examples&amp;page=2#pictures" in page
    page = lead.get(f"{path(labeling)}?page=2").text
    assert len(notes(page)) == 5
    assert "49 to 53 of 53" in page


def test_it_is_told_from_what_it_is_taken_for(
    lead: TestClient, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    gentian, aster = labeling.category_ids
    page = lead.get(path(labeling)).text
    assert "took no test picture, or it did before that was kept" in page
    assert "It was never taken for another category, nor another for it." in page
    # A look-alike is there before anybody confuses the two.
    assert confused(lead.get(path(labeling, 1)).text) == {"Spring gentian": ["", "", "", ""]}
    answer(sessions, labeling, "no", "no", "no")
    with sessions.begin() as session:
        model = session.scalars(select(ModelVersion.id)).one()
        cells = [(gentian, gentian, 9), (gentian, aster, 3), (aster, gentian, 2)]
        session.add_all(
            Confusion(model_id=model, category_id=of, taken_for_id=other, pictures=pictures)
            for of, other, pictures in cells
        )
        # One of the three is taken back.
        undone = session.scalars(select(Decision).order_by(Decision.id)).first()
        assert undone is not None
        session.add(
            Decision(
                proposal_id=undone.proposal_id,
                user_id=undone.user_id,
                answer="undo",
                ordinal=2,
                undoes_id=undone.id,
                idempotency_key="undo",
            )
        )
    page = lead.get(path(labeling)).text
    assert "The model of round 1 knew 9 of 12 test pictures of this category." in page
    assert confused(page) == {"Alpine aster": ["3", "2", "2", ""]}
    page = lead.get(path(labeling, 1)).text
    assert "knew 0 of 2 test pictures" in page
    assert confused(page) == {"Spring gentian": ["2", "3", "", "2"]}
    assert 'class="chip">look-alike' in page


def test_precision_is_drawn_over_two_rounds_and_more(
    lead: TestClient, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    def asked() -> int:
        with statements(sessions) as sent:
            assert lead.get(path(labeling)).status_code == 200
        return len(sent)

    answer(sessions, labeling, "yes", "yes", "yes", "no", close=True)
    assert "Precision by round" not in lead.get(path(labeling)).text
    once = asked()
    assert once <= STATEMENTS
    with sessions.begin() as session:
        project = session.get_one(Project, labeling.project_id)
        ada = session.scalars(select(User.id).where(User.login == "ada")).one()
        first = session.scalars(
            select(Proposal).where(Proposal.round_id == labeling.round_id).order_by(Proposal.id)
        ).all()
        for number, answers in ((2, ("yes", "no")), (3, ("no", "no"))):
            made = factories.make_round(session, project, 2, number=number)
            for place, word in enumerate(answers):
                proposal = Proposal(
                    round_id=made.id,
                    image_id=first[4 + place].image_id,
                    category_id=labeling.category_ids[0],
                    confidence=0.9,
                    position=place,
                )
                session.add(proposal)
                session.flush()
                factories.answer(session, proposal, ada, word)
            made.state = "closed" if number == 2 else "cancelled"
    page = lead.get(path(labeling)).text
    assert f"Precision by round: round 1 75.0{NB}%, round 2 50.0{NB}%" in page
    assert page.count('class="whisker"') == 2
    assert "round 3 0.0" not in page
    assert numbers(page)["Precision of proposals"][1].endswith("· rounds 1 to 2")
    assert asked() == once


def test_a_category_of_another_project_is_not_found(
    lead: TestClient,
    browser: Browser,
    labeling: factories.Labeling,
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        lena = session.scalars(select(User).where(User.login == "lena")).one()
        factories.make_project(session, lena, "birds")
        olga = factories.make_user(session, "olga", lead=True)
        trees = factories.make_project(session, olga, "trees")
        oak = Category(project_id=trees.id, name="Oak")
        session.add(oak)
        session.flush()
        oak_id = oak.id
    foreign = f"/projects/flowers/categories/{oak_id}"
    assert lead.get(foreign).status_code == 404
    assert lead.get(f"/projects/birds/categories/{labeling.category_ids[0]}").status_code == 404
    assert lead.get(f"/projects/trees/categories/{oak_id}").status_code == 404
    client = browser()
    sign_in(client, "ada")
    assert client.get(path(labeling)).status_code == 403


def test_a_retired_category_says_so_and_is_no_look_alike(
    lead: TestClient, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    with sessions.begin() as session:
        gentian = session.get_one(Category, labeling.category_ids[0])
        gentian.retired_at = datetime.now(UTC)
    assert 'class="chip">retired' in lead.get(path(labeling)).text
    aster = lead.get(path(labeling, 1)).text
    assert 'class="chip">retired' not in aster
    assert "Look-alikes:" not in aster


def test_a_category_before_its_first_round(
    lead: TestClient, labeling: factories.Labeling, sessions: sessionmaker[Session]
) -> None:
    with sessions.begin() as session:
        session.query(ModelVersion).delete()
        rose = Category(project_id=labeling.project_id, name="Rose")
        session.add(rose)
        session.flush()
        number = rose.id
        session.query(Round).update({"state": "training"})
    page = lead.get(f"/projects/flowers/categories/{number}").text
    assert "No model was trained yet." in page
    assert "No round has asked about this category yet." in page
    assert "Nothing is written yet" in page
    assert numbers(page)["Threshold"] == ("0.5", "confidence above which the next round proposes")
