"""Quality over REST: the numbers of a round, what waits for the lead, answers set aside."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from app.db.session import make_sessions
from app.db.tables import Proposal
from tests.api.labeling import decide, lease_all
from tests.api.service import Service, problem
from workers.count_quality import count_once

KEY = {"Idempotency-Key": "lead-1"}
BASE = "/projects/flowers"


def want(labeling: Service, number: int) -> None:
    with labeling.transaction() as session:
        session.execute(update(Proposal).values(wanted=number))


def answer_all(labeling: Service, login: str, words: Sequence[str]) -> list[int]:
    ids = []
    for word in words:
        (first, *_) = lease_all(labeling, login, count=1)["leases"]
        answer = decide(labeling, first, word, login)
        assert answer.status_code == 201, answer.text
        ids.append(first["id"])
    return ids


def counted(labeling: Service) -> dict[str, Any]:
    """The quality of the newest round, once a worker has counted."""
    assert count_once(make_sessions(labeling.sessions.kw["bind"])) == 1
    found: dict[str, Any] = labeling.call("lea", "GET", f"{BASE}/quality").json()
    return found


def test_nothing_was_labeled_yet(labeling: Service) -> None:
    found = labeling.call("lea", "GET", f"{BASE}/quality").json()
    assert found["labelers"] == found["pairs"] == []
    assert found["krippendorff_alpha"] is None
    assert found["misses"]["rate"] is None
    problem(labeling.call("lea", "GET", f"{BASE}/quality?round=7"), 404, "not-found")


def test_agreement_gold_and_what_waits(labeling: Service) -> None:
    want(labeling, 2)
    with labeling.transaction() as session:
        known = session.scalars(select(Proposal).order_by(Proposal.position)).first()
        assert known is not None
        known.gold = "yes"
    ids = answer_all(labeling, "ben", ["yes", "no", "yes", "no"])
    assert answer_all(labeling, "lea", ["yes", "no", "yes", "yes"]) == ids
    assert labeling.call("lea", "GET", f"{BASE}/quality").json()["counted_at"] is None
    found = counted(labeling)
    assert found["answers"] == 8
    by_login = {each["login"]: each for each in found["labelers"]}
    assert by_login["ben"]["gold"] == {"answered": 1, "right": 1}
    assert (by_login["ben"]["yes"], by_login["ben"]["no"]) == (2, 2)
    assert by_login["ben"]["agreed"] == 0.75
    assert found["questions"] == 4
    assert [(each["questions"], each["kappa"]) for each in found["pairs"]] == [(4, 0.5)]
    assert found["fleiss_kappa"] is not None
    assert found["round"] == 1

    queue = labeling.call("lea", "GET", f"{BASE}/adjudications").json()
    assert queue["waiting"] == 1
    (tie,) = queue["proposals"]
    assert tie["proposal_id"] == ids[3]
    assert [each["answer"] for each in tie["said"]] == ["no", "yes"]
    assert tie["earlier"] is None
    assert queue["images"][tie["image"]]["screen_url"]
    (category,) = queue["categories"]
    assert category["id"] == tie["category_id"]
    assert category["exemplars"]
    assert set(category["exemplars"]) <= queue["images"].keys()
    path = f"{BASE}/adjudications/{ids[3]}"
    done = labeling.call("lea", "POST", path, json={"answer": "no"}, headers=KEY)
    assert (done.status_code, done.json()["mended"]) == (201, False)
    again = labeling.call("lea", "POST", path, json={"answer": "no"}, headers=KEY)
    assert again.status_code == 200
    assert again.json()["decision"]["id"] == done.json()["decision"]["id"]
    other = labeling.call(
        "lea", "POST", path, json={"answer": "yes"}, headers={"Idempotency-Key": "b"}
    )
    problem(other, 409, "already-decided")
    path = f"{BASE}/adjudications/{ids[0] + 100}"
    problem(
        labeling.call("lea", "POST", path, json={"answer": "no"}, headers={"Idempotency-Key": "c"}),
        404,
        "not-found",
    )
    assert labeling.call("lea", "GET", f"{BASE}/adjudications").json()["waiting"] == 0
    (event,) = labeling.call("lea", "GET", f"{BASE}/events?verb=adjudicate").json()["events"]
    assert event["details"] == {"answer": "no", "mended": False}


def test_a_labeler_is_set_aside(labeling: Service) -> None:
    answer_all(labeling, "ben", ["yes", "no"])
    path = f"{BASE}/members/ben/set-aside"
    effect = labeling.call("lea", "POST", f"{path}/preview").json()
    nothing = {"changed": 0, "kept": 0, "withdrawn": 0}
    assert effect == nothing | {
        "decisions": 2, "reopened": 2, "examples": 1, "hard_negatives": 1
    }  # fmt: skip
    assert labeling.call("lea", "POST", path).json() == effect
    assert labeling.call("lea", "POST", f"{path}/preview").json()["decisions"] == 0
    (event,) = labeling.call("lea", "GET", f"{BASE}/events?verb=set-aside").json()["events"]
    assert (event["what"], event["details"]["decisions"]) == ("ben", 2)
    assert counted(labeling)["labelers"] == []
    problem(labeling.call("ben", "POST", path), 403, "forbidden")


def test_a_project_says_how_many_answer(labeling: Service) -> None:
    changes = {"redundancy": 3, "redundancy_for": "risk", "audit_share": 0.1}
    found = labeling.call("lea", "PATCH", BASE, json=changes).json()
    assert {name: found[name] for name in changes} == changes
    problem(labeling.call("lea", "PATCH", BASE, json={"redundancy": 6}), 422, "invalid")
