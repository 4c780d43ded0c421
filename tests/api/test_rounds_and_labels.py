"""Rounds over REST: start, refuse, label, undo, close."""

from typing import Any

import pytest
from httpx import Response
from sqlalchemy import select, update

from app.db.tables import Candidate, Decision, Example, HardNegative, Job, Project, Proposal, Round
from app.domain.dataset import Split
from app.domain.job import JobKind
from tests import factories
from tests.api.service import Service, problem

ROUNDS = "/projects/flowers/rounds"
PROPOSALS = "/projects/flowers/proposals"


def start(service: Service) -> Response:
    return service.call("lea", "POST", ROUNDS)


def lease(service: Service, who: str = "ben", count: int = 2, client: str = "tab") -> list[dict]:
    answer = service.call(
        who, "POST", f"{PROPOSALS}/lease", json={"client": client, "count": count}
    )
    assert answer.status_code == 200, answer.text
    proposals: list[dict] = answer.json()["proposals"]
    return proposals


def decide(
    service: Service,
    proposal: dict[str, Any],
    answer: str = "yes",
    who: str = "ben",
    key: str = "k",
) -> Response:
    body = {"lease_token": proposal["lease_token"], "answer": answer, "seconds": 1.5}
    url = f"{PROPOSALS}/{proposal['id']}/decisions"
    return service.call(who, "POST", url, json=body, headers={"Idempotency-Key": key})


def undo(service: Service, decision: int, who: str = "ben", key: str = "u") -> Response:
    url = f"/projects/flowers/decisions/{decision}/undo"
    headers = {"Idempotency-Key": key}
    return service.call(who, "POST", url, json={"client": "tab"}, headers=headers)


def test_a_started_round_is_answered_and_its_job_is_sent_after_the_commit(ready: Service) -> None:
    answer = start(ready)
    assert answer.status_code == 201
    assert (answer.json()["number"], answer.json()["state"]) == (1, "embedding")
    with ready.sessions() as session:
        job = session.scalars(select(Job)).one()
    assert ready.jobs.sent == [(job.id, JobKind.EMBED_POOL)]
    assert ready.call("ben", "GET", f"{ROUNDS}/1").json()["jobs"][0]["state"] == "queued"


def test_a_round_starts_although_the_broker_is_away(ready: Service) -> None:
    ready.jobs.cut_off = True
    assert start(ready).status_code == 201
    assert ready.count(Job) == 1


def test_a_refused_start_sends_nothing(service: Service) -> None:
    problem(start(service), 409, "round-not-ready")
    assert service.jobs.sent == []
    assert service.count(Round) == 0


def test_a_round_without_categories_is_refused(service: Service) -> None:
    assert "two categories" in problem(start(service), 409, "round-not-ready")["detail"]


def test_a_round_with_one_category_is_refused(service: Service) -> None:
    with service.transaction() as session:
        factories.make_pool(
            session, service.blobs, service.project("flowers"), categories=1, candidates=2
        )
    assert "two categories" in problem(start(service), 409, "round-not-ready")["detail"]


def test_a_round_without_any_seed_is_refused(ready: Service) -> None:
    with ready.transaction() as session:
        session.execute(update(Example).values(split=Split.TEST))
    assert "no seed example" in problem(start(ready), 409, "round-not-ready")["detail"]


def test_a_category_without_an_example_is_named(ready: Service) -> None:
    ready.call("lea", "POST", "/projects/flowers/categories", json={"name": "Rose"})
    assert "Rose" in problem(start(ready), 409, "round-not-ready")["detail"]


@pytest.mark.parametrize("policy", ["rescore", "disjoint"])
def test_a_round_without_candidates_is_refused(ready: Service, policy: str) -> None:
    with ready.transaction() as session:
        session.execute(update(Project).values(policy=policy))
        session.execute(update(Candidate).values(last_round=1, bucket=0))
        if policy == "rescore":
            session.execute(Candidate.__table__.delete())  # type: ignore[attr-defined]
    refused = problem(start(ready), 409, "round-not-ready")
    assert "No candidate is left" in refused["detail"]
    assert ("rescore" in refused["detail"]) is (policy == "disjoint")


def test_a_second_round_is_refused_while_the_first_lasts(ready: Service) -> None:
    start(ready)
    assert "Round 1" in problem(start(ready), 409, "round-in-progress")["detail"]


def test_a_project_without_a_test_split_has_no_accuracy(ready: Service) -> None:
    start(ready)
    answer = ready.call("lea", "GET", f"{ROUNDS}/1").json()
    assert (answer["top1"], answer["mean_class"], answer["tested_on"]) == (None, None, 0)


def test_a_cancelled_round_is_over_and_the_next_can_start(ready: Service) -> None:
    start(ready)
    assert ready.call("lea", "POST", f"{ROUNDS}/1/cancel").json()["state"] == "cancelled"
    problem(ready.call("lea", "POST", f"{ROUNDS}/1/cancel"), 409, "wrong-state")
    problem(ready.call("lea", "POST", f"{ROUNDS}/1/close"), 409, "wrong-state")
    assert start(ready).json()["number"] == 2


def test_a_round_that_is_not_labeled_cannot_be_closed(ready: Service) -> None:
    start(ready)
    problem(ready.call("lea", "POST", f"{ROUNDS}/1/close"), 409, "wrong-state")


def test_between_rounds_there_is_nothing_to_lease(ready: Service) -> None:
    answer = ready.call("ben", "POST", f"{PROPOSALS}/lease", json={"client": "tab"}).json()
    assert answer.pop("progress") is None
    assert not any(answer.values())
    assert ready.call("ben", "GET", "/projects/flowers/decisions").json() == []


def test_a_lease_brings_the_picture_and_what_stands_beside_it(labeling: Service) -> None:
    answer = labeling.call("ben", "POST", f"{PROPOSALS}/lease", json={"client": "tab"}).json()
    assert answer["progress"] == {"round": 1, "decided": 0, "total": 6, "mine": 0, "others": 0}
    assert len(answer["proposals"]) == 5
    beside = {each["id"]: each for each in answer["categories"]}
    assert {each["category_id"] for each in answer["proposals"]} == set(beside)
    aster = next(each for each in beside.values() if each["name"] == "Alpine aster")
    assert aster["look_alikes"] == ["Spring gentian"]
    assert "<em>yellow</em>" in aster["definition_html"]
    assert len(aster["exemplars"]) == 3
    for sha256 in (answer["proposals"][0]["image"], aster["exemplars"][0]):
        url = answer["images"][sha256]["screen_url"]
        assert labeling.call("ben", "GET", url.removeprefix("/api/v1")).status_code == 200


def test_a_labeler_never_sees_what_the_model_thinks(labeling: Service) -> None:
    answer = labeling.call("ben", "POST", f"{PROPOSALS}/lease", json={"client": "tab"})
    decided = decide(labeling, answer.json()["proposals"][0])
    undone = undo(labeling, decided.json()["decision"]["id"])
    past = labeling.call("ben", "GET", "/projects/flowers/decisions")
    for told in (answer, decided, undone, past):
        assert told.is_success
        assert '"confidence":0' not in told.text
        # The factory's confidences lie just below 0.9.
        assert not [number for number in _numbers(told.json()) if 0.8 < number < 1]


def _numbers(told: Any) -> list[float]:
    """Every number in an answer, whatever it is called."""
    if isinstance(told, dict | list):
        inner = told.values() if isinstance(told, dict) else told
        return [number for each in inner for number in _numbers(each)]
    return [told] if isinstance(told, int | float) else []


def test_labelers_share_the_round_and_a_release_gives_back(labeling: Service) -> None:
    mine, theirs = lease(labeling, "ben", 4), lease(labeling, "cyd", 4)
    assert (len(mine), len(theirs)) == (4, 2)
    assert not {each["id"] for each in mine} & {each["id"] for each in theirs}
    released = labeling.call("ben", "POST", f"{PROPOSALS}/release", json={"client": "tab"})
    assert released.json() == {"released": 4}
    assert len(lease(labeling, "cyd", 6)) == 6


def test_who_leases_again_what_ran_out_may_still_use_the_first_token(labeling: Service) -> None:
    (before,) = lease(labeling, "ben", 1)
    labeling.call("ben", "POST", f"{PROPOSALS}/release", json={"client": "tab"})
    (after,) = lease(labeling, "ben", 1)
    assert (after["id"], after["lease_token"]) == (before["id"], before["lease_token"])
    labeling.call("ben", "POST", f"{PROPOSALS}/release", json={"client": "tab"})
    (other,) = lease(labeling, "cyd", 1)
    assert other["id"] == before["id"]
    assert decide(labeling, before).status_code == 409


@pytest.mark.parametrize("body", [{"client": ""}, {"client": "x" * 201}, {"client": "a\x00"}])
@pytest.mark.parametrize("verb", ["lease", "release"])
def test_a_client_without_a_usable_name_is_refused(shared: Service, verb: str, body: dict) -> None:
    problem(shared.call("ben", "POST", f"{PROPOSALS}/{verb}", json=body), 422, "invalid")


@pytest.mark.parametrize("count", [0, 61, -1, "many", None])
def test_a_lease_of_too_few_or_too_many_is_refused(shared: Service, count: object) -> None:
    body = {"client": "tab", "count": count}
    problem(shared.call("ben", "POST", f"{PROPOSALS}/lease", json=body), 422, "invalid")


def test_a_decision_is_saved_and_its_retry_is_replayed(labeling: Service) -> None:
    (proposal, _) = lease(labeling)
    first, again = decide(labeling, proposal), decide(labeling, proposal)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["decision"] == again.json()["decision"]
    assert again.json()["progress"] == {
        "round": 1, "decided": 1, "total": 6, "mine": 1, "others": 0,
    }  # fmt: skip
    assert labeling.count(Decision) == 1


def test_a_replay_is_answered_even_after_the_round_is_over(labeling: Service) -> None:
    (proposal, _) = lease(labeling)
    decide(labeling, proposal)
    labeling.call("lea", "POST", f"{ROUNDS}/1/close")
    assert decide(labeling, proposal).status_code == 200


def test_one_key_for_two_requests_is_refused(labeling: Service) -> None:
    one, other = lease(labeling)
    decide(labeling, one)
    problem(decide(labeling, one, "no"), 422, "key-reused")
    problem(decide(labeling, other), 422, "key-reused")
    assert labeling.count(Decision) == 1


@pytest.mark.parametrize("key", [None, "", "x" * 201, "a\tb"])
def test_a_decision_needs_a_usable_key(labeling: Service, key: str | None) -> None:
    (proposal, _) = lease(labeling)
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"lease_token": proposal["lease_token"], "answer": "yes"}
    url = f"{PROPOSALS}/{proposal['id']}/decisions"
    problem(labeling.call("ben", "POST", url, json=body, headers=headers), 422, "invalid")
    assert labeling.count(Decision) == 0


@pytest.mark.parametrize(
    "change",
    [{"answer": "undo"}, {"answer": "maybe"}, {"seconds": -1}, {"seconds": 1e9}, {"extra": 1}],
)
def test_an_answer_of_another_form_is_refused(labeling: Service, change: dict) -> None:
    (proposal, _) = lease(labeling)
    body = {"lease_token": proposal["lease_token"], "answer": "yes"} | change
    url = f"{PROPOSALS}/{proposal['id']}/decisions"
    answer = labeling.call("ben", "POST", url, json=body, headers={"Idempotency-Key": "k"})
    problem(answer, 422, "invalid")


def test_a_decision_with_a_wrong_token_or_by_another_is_lost(labeling: Service) -> None:
    (proposal, _) = lease(labeling)
    problem(decide(labeling, proposal | {"lease_token": "guess"}), 409, "lease-lost")
    problem(decide(labeling, proposal, who="cyd"), 409, "lease-lost")
    assert labeling.count(Decision) == 0


def test_a_proposal_is_decided_once(labeling: Service) -> None:
    (proposal, _) = lease(labeling)
    decide(labeling, proposal)
    problem(decide(labeling, proposal, "no", key="another"), 409, "already-decided")


def test_an_undo_opens_the_proposal_for_the_one_who_undid(labeling: Service) -> None:
    (proposal, _) = lease(labeling)
    decision = decide(labeling, proposal, "no").json()["decision"]["id"]
    undone, again = undo(labeling, decision), undo(labeling, decision)
    assert undone.json() == again.json()
    assert undone.json()["progress"]["decided"] == 0
    reopened = undone.json()["proposal"]
    assert reopened["id"] == proposal["id"]
    assert undone.json()["category"]["id"] == proposal["category_id"]
    assert proposal["id"] not in {each["id"] for each in lease(labeling, "cyd", 6)}
    assert decide(labeling, reopened, "yes", key="second thought").status_code == 201
    problem(undo(labeling, decision, key="u2"), 409, "not-undoable")
    with labeling.sessions() as session:
        answers = session.scalars(select(Decision.answer).order_by(Decision.id)).all()
    assert list(answers) == ["no", "undo", "yes"]


def test_one_sees_only_ones_own_decisions_in_force(labeling: Service) -> None:
    one, other = lease(labeling)
    first = decide(labeling, one, key="1").json()["decision"]["id"]
    second = decide(labeling, other, key="2").json()["decision"]["id"]
    decide(labeling, lease(labeling, "cyd", 1)[0], who="cyd")
    undo(labeling, second)
    past = labeling.call("ben", "GET", "/projects/flowers/decisions").json()
    assert [each["decision"]["id"] for each in past] == [first]


def test_after_the_close_nothing_changes_any_more(labeling: Service) -> None:
    one, other = lease(labeling)
    decision = decide(labeling, one).json()["decision"]["id"]
    labeling.call("lea", "POST", f"{ROUNDS}/1/close")
    problem(decide(labeling, other, key="late"), 409, "round-closed")
    problem(undo(labeling, decision), 409, "round-closed")


def test_the_close_grows_the_dataset(labeling: Service) -> None:
    proposals = lease(labeling, "lea", count=6)
    words = ["yes", "no", "unsure", "yes", "no"]  # the sixth stays open
    for index, (proposal, word) in enumerate(zip(proposals, words, strict=False)):
        assert decide(labeling, proposal, word, "lea", str(index)).status_code == 201
    closed = labeling.call("lea", "POST", f"{ROUNDS}/1/close").json()
    told = [closed[name] for name in ("state", "yes", "no", "unsure", "precision")]
    assert told == ["closed", 2, 2, 1, 0.5]
    assert labeling.count(Example, Example.round_id.is_not(None)) == 2
    assert labeling.count(HardNegative) == 2
    with labeling.sessions() as session:
        # (answer -> the round that visited the candidate); the yes ones are candidates no more.
        rows = session.execute(
            select(Proposal.answer, Candidate.last_round)
            .join(Candidate, Candidate.image_id == Proposal.image_id)
            .order_by(Proposal.position)
        )
        assert [tuple(row) for row in rows] == [("no", 1), ("unsure", 1), ("no", 1), (None, None)]
    versions = labeling.call("ben", "GET", "/projects/flowers/versions").json()
    assert [(v["number"], v["round"], v["examples"], v["hard_negatives"]) for v in versions] == [
        (2, 1, 8, 2),
        (1, None, 6, 0),
    ]


def test_the_grown_dataset_is_listed_in_pages(labeling: Service) -> None:
    for index, proposal in enumerate(lease(labeling, count=2)):
        decide(labeling, proposal, ["yes", "no"][index], key=str(index))
    labeling.call("lea", "POST", f"{ROUNDS}/1/close")
    after, found = 0, []
    while after is not None:
        url = f"/projects/flowers/examples?limit=3&after={after}"
        page = labeling.call("lea", "GET", url).json()
        found += page["examples"]
        after = page["next"]
    assert [each["provenance"] for each in found] == ["seed"] * 6 + ["round 1"]
    assert len({each["id"] for each in found}) == 7
    negatives = labeling.call("lea", "GET", "/projects/flowers/hard-negatives").json()
    assert [each["provenance"] for each in negatives["hard_negatives"]] == ["round 1"]


def test_a_cancelled_round_leaves_the_dataset_and_gives_the_candidates_back(
    labeling: Service,
) -> None:
    (proposal, _) = lease(labeling)
    decide(labeling, proposal)
    labeling.call("lea", "POST", f"{ROUNDS}/1/cancel")
    assert labeling.count(Example, Example.round_id.is_not(None)) == 0
    assert labeling.count(Candidate, Candidate.last_round.is_not(None)) == 0
    assert labeling.count(Decision) == 1
