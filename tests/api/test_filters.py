"""The coarse filter over REST: negatives, threshold, what lies around it, its file."""

import hashlib

import pytest
from httpx import Response
from sqlalchemy import select

from app.db.tables import Candidate, CoarseFilter, Event, Image, Negative
from app.domain.round import Policy
from app.usecases.rounds.start_round import candidates_of
from tests import factories
from tests.api.filters import candidates, put_filter, trainable
from tests.api.service import Service, problem
from tests.moving import move_batches

BASE = "/projects/flowers"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def proposable(service: Service) -> int:
    with service.sessions() as session:
        return len(
            session.scalars(candidates_of(service.project("flowers").id, Policy.RESCORE, 99)).all()
        )


def test_negatives_are_neither_candidates_nor_examples(service: Service) -> None:
    crawled, given = factories.paint(1, 1), factories.paint(1, 2)
    service.upload("/images", ("crawled.jpg", crawled))
    answer = service.upload(
        "/negatives", ("crawled.jpg", crawled), ("given.jpg", given), ("given.jpg", given),
        ("no.jpg", b"<html>"),
    )  # fmt: skip
    assert [each["outcome"] for each in answer.json()["images"]] == [
        "stored", "stored", "duplicate", "rejected",
    ]  # fmt: skip
    assert candidates(service) == set()
    # A crawler that finds one of them later, and a lead who takes one for a flower.
    again = service.upload("/images", ("given.jpg", given))
    assert again.json()["duplicate"] == 1
    assert candidates(service) == set()
    service.call("lea", "POST", f"{BASE}/categories", json={"name": "Rose"})
    seeded = service.upload("/examples", ("given.jpg", given), category="Rose").json()["images"][0]
    assert (seeded["outcome"], seeded["reason"]) == ("conflict", "negative")
    service.upload("/examples", ("rose.jpg", factories.paint(2, 1)), category="Rose")
    other = service.upload("/negatives", ("rose.jpg", factories.paint(2, 1))).json()["images"][0]
    assert (other["outcome"], other["reason"]) == ("conflict", "example")
    assert "example of 'Rose'" in other["detail"]
    page = service.call("lea", "GET", f"{BASE}/negatives?limit=1").json()
    rest = service.call("lea", "GET", f"{BASE}/negatives?before={page['next']}").json()
    listed = [each["sha256"] for each in (*page["negatives"], *rest["negatives"])]
    assert set(listed) == {sha(crawled), sha(given)}
    assert rest["next"] is None


def test_a_negative_that_is_taken_back_is_what_it_was(service: Service) -> None:
    crawled, given, later = (factories.paint(1, index) for index in (1, 2, 3))
    service.upload("/images", ("crawled.jpg", crawled))
    service.upload(
        "/negatives", *((f"{n}.jpg", it) for n, it in enumerate((crawled, given, later)))
    )
    service.upload("/images", ("later.jpg", later))
    for data in (crawled, given, later):
        path = f"{BASE}/negatives/{sha(data)}"
        assert service.call("lea", "DELETE", path).status_code == 204
        problem(service.call("lea", "DELETE", path), 404, "not-found")
    # What no crawler brought is forgotten: it may still come.
    assert candidates(service) == {sha(crawled), sha(later)}
    assert service.count(Image) == 2
    assert service.upload("/images", ("given.jpg", given)).json()["stored"] == 1


@pytest.mark.parametrize("negative_first", [True, False])
def test_a_negative_stays_out_when_its_batch_comes_back(
    service: Service, *, negative_first: bool
) -> None:
    data = factories.paint(1, 1)
    path = f"{BASE}/negatives/{sha(data)}"
    service.upload("/images", ("a.jpg", data))
    batch = service.call("lea", "GET", f"{BASE}/batches").json()["batches"][0]["id"]

    def withdraw() -> Response:
        answer = service.call("lea", "POST", f"{BASE}/batches/{batch}/withdraw", json={})
        move_batches(service.sessions)
        return answer

    def give() -> Response:
        return service.upload("/negatives", ("a.jpg", data))

    for step in (give, withdraw) if negative_first else (withdraw, give):
        assert step().status_code == 200
    assert service.call("lea", "POST", f"{BASE}/batches/{batch}/restore").status_code == 200
    move_batches(service.sessions)
    assert candidates(service) == set()
    assert service.call("lea", "DELETE", path).status_code == 204
    assert candidates(service) == {sha(data)}
    # Taken back while its batch is away, it comes back when it is sent again.
    withdraw()
    give()
    service.call("lea", "DELETE", path)
    assert candidates(service) == set()
    assert service.upload("/images", ("a.jpg", data)).json()["stored"] == 1
    assert candidates(service) == {sha(data)}


def test_a_negative_that_is_taken_down_is_gone(service: Service) -> None:
    data = factories.paint(1, 1)
    service.upload("/negatives", ("a.jpg", data))
    body = {"what": sha(data), "reason": "a request"}
    assert service.call("lea", "POST", f"{BASE}/takedowns", json=body).status_code == 201
    assert service.count(Negative) == 0
    again = service.upload("/negatives", ("a.jpg", data)).json()["images"][0]
    assert again["outcome"] == "rejected"
    assert service.count(Negative) == 0


def test_a_candidate_is_marked_unless_somebody_is_asked_about_it(service: Service) -> None:
    (seen,) = put_filter(service, [0.6])
    body = {"json": {"sha256": seen}}
    assert service.call("lea", "POST", f"{BASE}/negatives/marked", **body).status_code == 204
    problem(service.call("lea", "POST", f"{BASE}/negatives/marked", **body), 404, "not-found")
    assert service.count(Negative, Negative.origin == "marked", Negative.from_pool) == 1
    assert service.call("lea", "DELETE", f"{BASE}/negatives/{seen}").status_code == 204
    assert service.count(Candidate, Candidate.standing == "new") == 1
    service.begin_labeling(proposals=1)
    with service.sessions() as session:
        asked = session.scalars(
            select(Image.sha256).join(Candidate).where(Candidate.last_round == 1)
        ).first()
    refused = service.call("lea", "POST", f"{BASE}/negatives/marked", json={"sha256": asked})
    assert "Close or cancel the round first." in problem(refused, 422, "invalid")["detail"]


def test_the_threshold_decides_what_a_round_may_ask_about(service: Service) -> None:
    put_filter(service, [0.1, 0.29, 0.3, 0.49999, 0.5, 0.9, 1.0])
    with service.transaction() as session:
        unscored = factories.make_image(
            session, service.blobs, service.project("flowers"), factories.paint(1, 999)
        )
        project = service.project("flowers").id
        session.add(Candidate(image_id=unscored.id, project_id=project, bucket=0, standing="open"))
    told = service.call("lea", "GET", f"{BASE}/filter").json()
    assert (told["threshold"], told["kept"], told["filtered"]) == (0.5, 4, 4)
    assert (told["unscored"], told["stale"], sum(told["bins"])) == (1, 0, 7)
    assert proposable(service) == 4
    # 0.29 in single precision is a little less: the numbers shown and the round must agree on it.
    for threshold, kept in ((0.3, 6), (0.29, 6), (0.28, 7), (0.0, 8), (0.99, 2)):
        moved = service.call(
            "lea", "PUT", f"{BASE}/filter/threshold", json={"threshold": threshold}
        )
        assert moved.json()["after"] == threshold
        told = service.call("lea", "GET", f"{BASE}/filter").json()
        assert told["kept"] == kept == proposable(service)
    with service.sessions() as session:
        last = session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert last is not None
    assert (last.verb, last.details) == ("move-threshold", {"before": 0.0, "after": 0.99})
    for wrong in (0.505, 1.0, -0.1, "x", None):
        answer = service.call("lea", "PUT", f"{BASE}/filter/threshold", json={"threshold": wrong})
        assert answer.status_code == 422


def test_around_a_threshold_lie_the_nearest_and_a_seed_draws_them_again(service: Service) -> None:
    hashes = put_filter(service, [0.3 + index / 100 for index in range(40)])
    path = f"{BASE}/filter/around"
    found = service.call("lea", "GET", f"{path}?limit=5&threshold=0.5").json()
    above, below = ([each["score"] for each in found[side]] for side in ("above", "below"))
    assert above == sorted(above)
    assert below == sorted(below, reverse=True)
    assert min(above) >= 0.4999
    assert max(below) < 0.5
    assert len(above) == len(below) == 5
    assert service.call("lea", "GET", f"{path}?limit=5&threshold=0.5").json() == found
    other = service.call("lea", "GET", f"{path}?limit=5&threshold=0.5&seed=1").json()
    assert other != found
    everything = service.call("lea", "GET", f"{path}?limit=60&threshold=0").json()
    assert {each["sha256"] for each in everything["above"]} == set(hashes)
    assert everything["below"] == []
    problem(service.call("lea", "GET", f"{path}?threshold=0.333"), 422, "invalid")
    problem(service.call("ben", "GET", path), 403, "forbidden")


def test_training_is_asked_for_once_and_says_what_is_missing(service: Service) -> None:
    refused = service.call("lea", "POST", f"{BASE}/filter/train")
    assert "10 examples" in problem(refused, 409, "filter-not-ready")["detail"]
    trainable(service)
    answer = service.call("lea", "POST", f"{BASE}/filter/train")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert [kind for _, kind in service.jobs.sent] == ["train_filter"]
    problem(service.call("lea", "POST", f"{BASE}/filter/train"), 409, "filter-at-work")
    file = {"file": ("f.safetensors", factories.filter_file())}
    problem(service.call("lea", "POST", f"{BASE}/filter/file", files=file), 409, "filter-at-work")
    assert service.call("lea", "GET", f"{BASE}/filter").json()["job"]["state"] == "queued"
    cancelled = service.call("lea", "POST", f"{BASE}/filter/cancel").json()
    assert cancelled["state"] == "cancelled"
    assert service.count(CoarseFilter) == 0
    problem(service.call("lea", "POST", f"{BASE}/filter/cancel"), 409, "wrong-state")
    assert service.call("lea", "POST", f"{BASE}/filter/train").status_code == 202


def test_a_filter_is_given_away_and_taken_where_it_fits(service: Service) -> None:
    problem(service.call("lea", "GET", f"{BASE}/filter/file"), 404, "not-found")
    put_filter(service, [0.4])
    got = service.call("lea", "GET", f"{BASE}/filter/file")
    assert got.content == factories.filter_file()
    assert 'filename="flowers-filter.safetensors"' in got.headers["content-disposition"]
    strange = {"file": ("f.safetensors", factories.filter_file("e" * 64))}
    refused = service.call("lea", "POST", f"{BASE}/filter/file", files=strange)
    assert "another backbone" in problem(refused, 422, "invalid")["detail"]
    nonsense = {"file": ("f.safetensors", b"PK")}
    refused = service.call("lea", "POST", f"{BASE}/filter/file", files=nonsense)
    assert "not the file of a coarse filter" in problem(refused, 422, "invalid")["detail"]
    large = {"file": ("f.safetensors", factories.filter_file() + bytes(1_900_000))}
    assert service.call("lea", "POST", f"{BASE}/filter/file", files=large).status_code == 202
    problem(service.call("olga", "POST", f"{BASE}/filter/file", files=nonsense), 404, "not-found")
