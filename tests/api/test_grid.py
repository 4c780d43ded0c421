"""A page at a time over REST."""

from typing import Any

import pytest

from app.db.tables import Decision, RoundCategory
from tests.api.labeling import decided, lease_all
from tests.api.service import Service, problem

PAGE = "/projects/flowers/decisions"
GRIDS = "/projects/flowers/grids"


@pytest.fixture
def grid(labeling: Service) -> Service:
    """Alpine aster is mostly right (its proposals come second), Spring gentian uncertain."""
    assert labeling.labeling is not None
    with labeling.transaction() as session:
        session.add_all(
            RoundCategory(
                round_id=labeling.labeling.round_id, category_id=category_id,
                proposals=3, expected_precision=expected,
            )
            for category_id, expected in zip(labeling.labeling.category_ids, (0.5, 0.95), strict=True)
        )  # fmt: skip
    return labeling


def aster(service: Service) -> int:
    assert service.labeling is not None
    return service.labeling.category_ids[1]


def lease_page(service: Service, who: str = "ben", category: int | None = None) -> dict[str, Any]:
    return lease_all(service, who, 24, "grid", grid={"category_id": category})


def items(page: dict[str, Any], *answers: str) -> list[dict[str, Any]]:
    return [
        {
            "key": f"page {lease['id']}",
            "proposal_id": lease["id"],
            "lease_token": lease["lease_token"],
            "answer": answer,
        }
        for lease, answer in zip(page["leases"], answers, strict=True)
    ]


def send(service: Service, decisions: list[dict[str, Any]], who: str = "ben") -> dict[str, Any]:
    answer = service.call(who, "POST", PAGE, json={"decisions": decisions})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_categories_that_may_be_a_grid_are_listed(grid: Service) -> None:
    (only,) = grid.call("ben", "GET", GRIDS).json()
    assert only == {
        "category_id": aster(grid), "name": "Alpine aster", "open": 3, "mostly": "yes",
    }  # fmt: skip
    settings = {"grid_above": None, "grid_below": 0.6}
    grid.call("lea", "PATCH", "/projects/flowers", json=settings)
    (only,) = grid.call("ben", "GET", GRIDS).json()
    assert (only["name"], only["mostly"]) == ("Spring gentian", "no")


def test_a_page_has_one_category_and_is_apart_from_single_proposals(grid: Service) -> None:
    single = lease_all(grid, count=1)["leases"]
    page = lease_page(grid)
    assert page["grid"] == {"category_id": aster(grid), "mostly": "yes"}
    assert {each["category_id"] for each in page["proposals"]} == {aster(grid)}
    assert page["categories"][0]["grid"] == {"mostly": "yes", "open": 3}
    assert len(page["leases"]) == 3
    assert not {each["id"] for each in single} & {each["id"] for each in page["leases"]}
    assert lease_page(grid)["leases"][0]["lease_token"] == page["leases"][0]["lease_token"]
    theirs = lease_page(grid, "cyd")
    assert (theirs["grid"], theirs["leases"]) == (None, [])


def test_a_category_that_is_too_uncertain_is_no_grid(grid: Service) -> None:
    assert grid.labeling is not None
    body = {"client": "grid", "grid": {"category_id": grid.labeling.category_ids[0]}}
    answer = grid.call("ben", "POST", "/projects/flowers/proposals/lease", json=body)
    problem(answer, 409, "grid-not-allowed")


def test_asking_for_another_category_gives_the_first_one_back(grid: Service) -> None:
    assert grid.labeling is not None
    lease_page(grid)
    grid.call("lea", "PATCH", "/projects/flowers", json={"grid_below": 0.6})
    gentian = grid.labeling.category_ids[0]
    page = lease_page(grid, category=gentian)
    assert {each["category_id"] for each in page["proposals"]} == {gentian}
    assert len(lease_page(grid, "cyd", aster(grid))["leases"]) == 3


def test_a_proposal_that_waits_for_somebody_is_not_on_a_page(grid: Service) -> None:
    page = lease_page(grid)
    send(grid, items(page, "unsure", "yes", "yes")[:1])
    grid.call("ben", "POST", "/projects/flowers/proposals/release", json={"client": "grid"})
    assert len(lease_page(grid, "cyd")["leases"]) == 2


def test_a_page_of_answers_is_saved_and_its_retry_replayed(grid: Service) -> None:
    decisions = items(lease_page(grid), "yes", "no", "unsure")
    first, again = send(grid, decisions), send(grid, decisions)
    assert first == again
    assert [each["key"] for each in first["results"]] == [each["key"] for each in decisions]
    assert [each["decision"]["answer"] for each in first["results"]] == ["yes", "no", "unsure"]
    assert first["progress"] == {"round": 1, "decided": 2, "total": 6, "mine": 3, "others": 1}
    assert grid.count(Decision) == 3


def test_a_refused_answer_leaves_the_others_alone(grid: Service) -> None:
    page = lease_page(grid)
    one, two, three = items(page, "yes", "yes", "undo")
    two["lease_token"] = "guess"
    twice = {**one, "answer": "no"}
    nowhere = {**one, "key": "x", "proposal_id": 2**30}
    bad_key = {**one, "key": "\x00"}
    found = send(grid, [two, nowhere, one, three, twice, bad_key])["results"]
    names = [each["problem"] and each["problem"]["type"].rpartition(":")[2] for each in found]
    assert names == ["lease-lost", "not-found", None, "invalid", "key-reused", "invalid"]
    assert [each["decision"] is None for each in found] == [name is not None for name in names]
    assert all(each["problem"]["detail"] for each in found if each["problem"])
    assert grid.count(Decision) == 1
    later = send(grid, items(page, "yes", "yes", "yes"))
    assert [each["problem"] for each in later["results"]] == [None, None, None]
    assert later["progress"]["decided"] == 3


@pytest.mark.parametrize("number", [0, 61])
def test_a_page_has_1_to_60_answers(grid: Service, number: int) -> None:
    item = {"key": "k", "proposal_id": 1, "lease_token": "t", "answer": "yes"}
    problem(grid.call("ben", "POST", PAGE, json={"decisions": [item] * number}), 422, "invalid")


def test_another_projects_proposal_is_not_found_on_a_page(grid: Service) -> None:
    page = lease_page(grid)
    answer = grid.call(
        "olga", "POST", "/projects/birds/decisions",
        json={"decisions": items(page, "yes", "yes", "yes")},
    )  # fmt: skip
    assert {each["problem"]["type"] for each in answer.json()["results"]} == {
        "urn:vetted:not-found"
    }
    assert grid.count(Decision) == 0


def test_a_page_after_the_close_is_refused_item_by_item(grid: Service) -> None:
    page = lease_page(grid)
    grid.call("lea", "POST", "/projects/flowers/rounds/1/close")
    found = send(grid, items(page, "yes", "yes", "yes"))
    assert {each["problem"]["type"] for each in found["results"]} == {"urn:vetted:round-closed"}
    assert found["progress"] is None
    assert grid.call("ben", "GET", GRIDS).json() == []


def test_a_grid_answer_can_be_taken_back(grid: Service) -> None:
    lease, *_ = lease_page(grid)["leases"]
    decision = decided(grid, lease)["decision"]["id"]
    answer = grid.call(
        "ben", "POST", f"/projects/flowers/decisions/{decision}/undo",
        json={"client": "grid"}, headers={"Idempotency-Key": "u"},
    )  # fmt: skip
    assert answer.json()["proposal"]["id"] == lease["id"]
