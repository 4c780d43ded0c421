"""The map of a round over REST."""

from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from app.db.tables import Category, Proposal, User
from app.domain.embedding_map import NO_CATEGORY, PointKind, points_key
from tests import factories
from tests.api.service import Service, problem
from tests.api.test_journeys import statements

MAP = "/projects/flowers/rounds/1/map"


@pytest.fixture
def mapped(labeling: Service) -> Service:
    """Six training pictures and six proposals in a row."""
    assert labeling.labeling is not None
    with labeling.transaction() as session:
        places = [(index / 6 - 1, 0.0) for index in range(12)]
        factories.make_map(session, labeling.blobs, labeling.labeling, places)
    return labeling


def bytes_at(service: Service, path: str) -> bytes:
    answer = service.call("lea", "GET", path.removeprefix("/api/v1"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    return answer.content


def column(facts: dict[str, Any], content: bytes, name: str) -> list[Any]:
    found = next(each for each in facts["columns"] if each["name"] == name)
    number = facts["points"] * found["width"]
    values: list[Any] = np.frombuffer(content, found["type"], number, found["start"]).tolist()
    return values


def answered(service: Service) -> dict[int, tuple[int, int]]:
    """(category, kind) of the points that were answered, by index."""
    content = bytes_at(service, f"{MAP}/answers")
    count = len(content) // 7
    assert len(content) == 7 * count
    return {
        int(index): (int(category), int(kind))
        for index, category, kind in zip(
            np.frombuffer(content, "<u4", count),
            np.frombuffer(content, "<u2", count, 4 * count),
            np.frombuffer(content, "<u1", count, 6 * count),
            strict=True,
        )
    }


def test_a_lead_gets_the_points_and_what_they_mean(mapped: Service) -> None:
    with statements(mapped) as sent:
        facts = mapped.call("lea", "GET", MAP).json()
    assert len([each for each in sent if each.startswith("SELECT")]) <= 4
    assert (facts["points"], facts["training"], facts["proposed"]) == (12, 6, 6)
    assert {each["index"]: each["name"] for each in facts["categories"]} == {
        0: "Spring gentian",
        1: "Alpine aster",
    }
    assert {each["name"]: each["value"] for each in facts["kinds"]}["training"] == 0
    content = bytes_at(mapped, facts["points_path"])
    assert column(facts, content, "pca")[:4] == pytest.approx([-1, 0, -5 / 6, 0])
    assert column(facts, content, "kind") == [0] * 6 + [3] * 6
    assert column(facts, content, "category") == [0, 0, 0, 1, 1, 1] * 2
    images = bytes_at(mapped, facts["images_path"])
    picture = f"/projects/flowers/images/{images[:32].hex()}/thumbnail"
    assert mapped.call("lea", "GET", picture).status_code == 200
    kept = mapped.call("lea", "GET", facts["points_path"].removeprefix("/api/v1"))
    assert "immutable" in kept.headers["cache-control"]
    assert "private" in kept.headers["cache-control"]


def test_answers_join_the_map_as_they_are_given(mapped: Service) -> None:
    assert answered(mapped) == {}
    with mapped.transaction() as session:
        lea = session.scalars(select(User.id).where(User.login == "lea")).one()
        first, second, third, fourth = session.scalars(
            select(Proposal).order_by(Proposal.id).limit(4)
        ).all()
        factories.answer(session, first, lea, "yes")
        factories.answer(session, second, lea, "no")
        factories.answer(session, third, lea, "unsure")
        # Known already: nothing is learned from it.
        fourth.gold = "yes"
        factories.answer(session, fourth, lea, "yes")
    accepted, rejected = (0, PointKind.ACCEPTED), (0, PointKind.REJECTED)
    assert answered(mapped) == {6: accepted, 7: rejected}
    with mapped.transaction() as session:
        # Refused for one category and accepted for another, which came after the round began.
        new = Category(project_id=mapped.project("flowers").id, name="Alpine pansy")
        session.add(new)
        session.flush()
        picked = Proposal(
            round_id=second.round_id,
            image_id=second.image_id,
            category_id=new.id,
            position=9,
            picked_by=lea,
        )
        session.add(picked)
        session.flush()
        factories.answer(session, picked, lea, "yes")
    assert answered(mapped) == {6: accepted, 7: (NO_CATEGORY, PointKind.ACCEPTED)}


def test_only_leads_see_it(mapped: Service) -> None:
    facts = mapped.call("lea", "GET", MAP).json()
    paths = [MAP, *(facts[f"{name}_path"] for name in ("points", "images", "answers"))]
    for path in paths:
        where = path.removeprefix("/api/v1")
        assert mapped.call("ben", "GET", where).status_code == 403
        assert mapped.call("olga", "GET", where).status_code == 404
        assert mapped.call(None, "GET", where).status_code == 401
        elsewhere = where.replace("/flowers/", "/birds/")
        assert mapped.call("olga", "GET", elsewhere).status_code == 404


def test_what_is_not_there_is_not_found(mapped: Service) -> None:
    other = "0" * 64
    for path in (f"{MAP}/points/{other}", f"{MAP}/images/{other}", MAP.replace("1", "2")):
        assert problem(mapped.call("lea", "GET", path), 404, "not-found")
    points = mapped.call("lea", "GET", MAP).json()["points_path"].removeprefix("/api/v1")
    mapped.blobs.delete(points_key(points.rpartition("/")[2]))
    for path in (points, f"{MAP}/answers"):
        assert problem(mapped.call("lea", "GET", path), 404, "not-found")
