"""A lead chooses the exemplars of a category, and labelers are shown them."""

from typing import Any

import pytest
from sqlalchemy import func, select

from app.db.tables import ChosenExemplar, Contrast, Event, Example, Exemplar, Image, Proposal
from tests.api.labeling import lease_all
from tests.api.service import Service, problem


@pytest.fixture
def path(labeling: Service) -> str:
    """Of the first category, of which three exemplars are shown."""
    assert labeling.labeling is not None
    return f"/projects/flowers/categories/{labeling.labeling.category_ids[0]}/exemplars"


def seeds(service: Service, place: int = 0) -> list[str]:
    """Content hashes of a category's examples, as the model ordered them."""
    assert service.labeling is not None
    with service.sessions() as session:
        return list(
            session.scalars(
                select(Image.sha256)
                .join(Exemplar, Exemplar.image_id == Image.id)
                .where(Exemplar.category_id == service.labeling.category_ids[place])
                .order_by(Exemplar.position)
            )
        )


def shown(service: Service, who: str = "ben") -> tuple[list[str], list[str]]:
    """What a labeler's next lease shows of the first category, and beside its first proposal."""
    body = lease_all(service, who, count=1)
    first = body["proposals"][0]
    (category,) = [each for each in body["categories"] if each["id"] == first["category_id"]]
    assert set(category["exemplars"]) | set(first["contrast"]["exemplars"]) <= set(body["images"])
    return category["exemplars"], first["contrast"]["exemplars"]


def put(service: Service, path: str, *hashes: str) -> dict[str, Any]:
    answer = service.call("lea", "PUT", path, json={"exemplars": hashes})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_the_model_chooses_until_a_lead_does(labeling: Service, path: str) -> None:
    one, two, three = seeds(labeling)
    body = labeling.call("lea", "GET", path).json()
    assert body["by_hand"] is False
    assert [each["sha256"] for each in body["exemplars"]] == [one, two, three]
    assert labeling.labeling is not None
    with labeling.transaction() as session:
        images = dict(session.execute(select(Image.sha256, Image.id)).all())
        session.add(
            Contrast(
                proposal_id=labeling.labeling.proposal_ids[0],
                exemplars=[images[two]],
                confusable_id=None,
                confusable_exemplars=[],
                rejected=[],
                likely=[],
            )
        )
    body = put(labeling, path, three, one)
    assert body["by_hand"] is True
    assert [each["sha256"] for each in body["exemplars"]] == [three, one]
    # Labelers see them at once, instead of what is nearest to the picture, too.
    assert shown(labeling) == ([three, one], [three, one])
    body = labeling.call("lea", "DELETE", path).json()
    assert body["by_hand"] is False
    assert shown(labeling, "cyd")[0] == [one, two, three]
    with labeling.sessions() as session:
        logged = session.execute(
            select(Event.verb, Event.what, Event.details).order_by(Event.id)
        ).all()
    assert [tuple(each) for each in logged] == [
        ("change-category", "Spring gentian", {"exemplars": [three[:12], one[:12]]}),
        ("change-category", "Spring gentian", {"exemplars": "by the model"}),
    ]
    assert labeling.call("lea", "DELETE", path).status_code == 200
    assert labeling.count(Event) == 2


def test_one_that_leaves_the_dataset_is_not_shown(labeling: Service, path: str) -> None:
    one, two, _ = seeds(labeling)
    put(labeling, path, two, one)
    with labeling.transaction() as session:
        left = session.scalars(select(Image.id).where(Image.sha256 == two)).one()
        session.query(Example).filter_by(image_id=left).update({"to_version": 2})
    body = labeling.call("lea", "GET", path).json()
    assert [each["sha256"] for each in body["exemplars"]] == [one]
    assert shown(labeling)[0] == [one]
    with labeling.transaction() as session:
        session.query(Example).update({"to_version": 2})
    assert labeling.call("lea", "GET", path).json()["by_hand"] is False
    assert shown(labeling, "cyd")[0] == seeds(labeling)


def test_one_that_the_round_asks_about_is_shown_after_it(labeling: Service, path: str) -> None:
    one, two, _ = seeds(labeling)
    assert labeling.labeling is not None
    with labeling.transaction() as session:
        image = session.scalars(select(Image.id).where(Image.sha256 == one)).one()
        session.add(
            Proposal(
                round_id=labeling.labeling.round_id,
                image_id=image,
                category_id=labeling.labeling.category_ids[1],
                confidence=0.9,
                position=99,
                gold="no",
            )
        )
    body = put(labeling, path, one, two)
    assert body["asked"] == [one]
    assert [each["sha256"] for each in body["exemplars"]] == [one, two]
    assert shown(labeling)[0] == [two]
    with labeling.transaction() as session:
        session.query(Proposal).filter(Proposal.gold.is_not(None)).delete()
    assert shown(labeling, "cyd")[0] == [one, two]


def test_what_may_not_be_shown_is_refused_with_a_sentence(labeling: Service, path: str) -> None:
    one, two, three = seeds(labeling)
    (other, *_) = seeds(labeling, 1)
    with labeling.transaction() as session:
        tested = session.scalars(select(Image.id).where(Image.sha256 == three)).one()
        session.query(Example).filter_by(image_id=tested).update({"split": "test"})
        candidate = session.scalars(
            select(Image.sha256).join(Proposal, Proposal.image_id == Image.id)
        ).first()
    refused = {
        "at least one": [],
        "Name each exemplar once.": [one, one],
        "at most 9": [one] * 10,
        f"{three[:12]} is no example": [one, three],
        f"{other[:12]} is no example": [other],
        f"{str(candidate)[:12]} is no example": [two, candidate],
        "000000000000 is no example": ["0" * 64],
    }
    for sentence, hashes in refused.items():
        body = {"exemplars": hashes}
        found = problem(labeling.call("lea", "PUT", path, json=body), 422, "invalid")
        assert sentence in str(found)
    assert labeling.count(ChosenExemplar) == 0
    assert labeling.count(Event) == 0


def test_only_leads_of_the_project_choose(labeling: Service, path: str) -> None:
    (one, *_) = seeds(labeling)
    body = {"exemplars": [one]}
    for method in ("GET", "PUT", "DELETE"):
        sent: dict[str, Any] = {"json": body} if method == "PUT" else {}
        problem(labeling.call("ben", method, path, **sent), 403, "forbidden")
        problem(labeling.call("olga", method, path, **sent), 404, "not-found")
        foreign = path.replace("flowers", "birds")
        problem(labeling.call("olga", method, foreign, **sent), 404, "not-found")


def test_the_second_of_two_choices_replaces_the_first(labeling: Service, path: str) -> None:
    one, two, three = seeds(labeling)
    put(labeling, path, one, two, three)
    put(labeling, path, three)
    with labeling.sessions() as session:
        assert session.scalar(select(func.count()).select_from(ChosenExemplar)) == 1
