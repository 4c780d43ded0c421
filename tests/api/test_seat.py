"""The labeler's seat over REST: leases, reasons, settings, preferences."""

import pytest

from app.domain.access import Scope
from tests.api.labeling import decide, decided, lease_all, past, undo
from tests.api.service import Service, problem

PREFERENCES = "/me/preferences"


def test_a_lease_tells_all_that_is_held_and_details_only_of_what_is_new(labeling: Service) -> None:
    first = lease_all(labeling, count=4)
    ids = [lease["id"] for lease in first["leases"]]
    assert ids == [each["id"] for each in first["proposals"]]
    again = lease_all(labeling, count=6, have=ids)
    assert [lease["id"] for lease in again["leases"]][:4] == ids
    assert len(again["proposals"]) == 2
    assert {each["category_id"] for each in again["proposals"]} == {
        each["id"] for each in again["categories"]
    }
    nothing = lease_all(labeling, count=6, have=[lease["id"] for lease in again["leases"]])
    assert len(nothing["leases"]) == 6
    assert (nothing["proposals"], nothing["categories"], nothing["images"]) == ([], [], {})


def test_every_image_that_is_referred_to_is_there(shared: Service) -> None:
    answer = lease_all(shared)
    named = {each["image"] for each in answer["proposals"]}
    named.update(*(each["exemplars"] for each in answer["categories"]))
    assert set(answer["images"]) == named
    assert all(image["sha256"] == key for key, image in answer["images"].items())


def test_what_leads_the_answer_is_hidden_until_the_lead_shows_it(labeling: Service) -> None:
    (hidden,) = lease_all(labeling, count=1)["proposals"]
    assert (hidden["confidence"], hidden["earlier"]) == (None, [])
    settings = {"show_confidence": True}
    labeling.call("lea", "PATCH", "/projects/flowers", json=settings)
    (shown,) = lease_all(labeling, count=1)["proposals"]
    assert shown["confidence"] == 0.9


@pytest.mark.parametrize("reason", ["other-category", "unknown-species", "bad-picture"])
def test_a_no_may_say_why(labeling: Service, reason: str) -> None:
    (lease,) = lease_all(labeling, count=1)["leases"]
    answer = decided(labeling, lease, "no", reason=reason)
    assert answer["decision"]["reason"] == reason
    assert answer["decision"]["picked"] is None
    assert past(labeling)[0]["decision"] == answer["decision"]
    again = decide(labeling, lease, "no", reason="not-in-domain")
    problem(again, 422, "key-reused")


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("reason", {"answer": "yes", "reason": "bad-picture"}),
        ("reason", {"answer": "unsure", "reason": "bad-picture"}),
        ("category_id", {"answer": "no", "category_id": 1}),
        ("category_id", {"answer": "no", "reason": "bad-picture", "category_id": 1}),
        ("reason", {"answer": "no", "reason": "ugly"}),
    ],
)
def test_a_reason_that_contradicts_the_answer_is_refused(
    labeling: Service, field: str, said: dict
) -> None:
    (lease,) = lease_all(labeling, count=1)["leases"]
    refused = problem(decide(labeling, lease, **said), 422, "invalid")
    assert refused["fields"][0]["field"].endswith(field)


def test_a_picked_category_is_one_of_the_project_and_not_the_one_asked(labeling: Service) -> None:
    (proposal,) = lease_all(labeling, count=1)["proposals"]
    why = {"reason": "other-category"}
    unknown = decide(labeling, proposal, "no", **why, category_id=9999)
    problem(unknown, 404, "not-found")
    itself = decide(labeling, proposal, "no", **why, category_id=proposal["category_id"])
    problem(itself, 422, "invalid")


def test_a_repeated_undo_does_not_hand_out_what_another_holds(labeling: Service) -> None:
    (lease,) = lease_all(labeling, count=1)["leases"]
    decision = decided(labeling, lease)["decision"]["id"]
    assert undo(labeling, decision).json()["proposal"]["id"] == lease["id"]
    labeling.call("ben", "POST", "/projects/flowers/proposals/release", json={"client": "tab"})
    (theirs,) = lease_all(labeling, "cyd", 1)["leases"]
    assert theirs["id"] == lease["id"]
    repeated = undo(labeling, decision)
    assert repeated.status_code == 200
    assert (repeated.json()["proposal"], repeated.json()["category"]) == (None, None)
    assert theirs["lease_token"] not in repeated.text


def test_past_decisions_outlive_their_round(labeling: Service) -> None:
    (lease,) = lease_all(labeling, count=1)["leases"]
    decided(labeling, lease)
    assert [each["undoable"] for each in past(labeling)] == [True]
    labeling.call("lea", "POST", "/projects/flowers/rounds/1/close")
    (kept,) = past(labeling)
    assert kept["undoable"] is False
    assert kept["image"]["screen_url"]
    assert past(labeling, "cyd") == []


def test_a_lead_sets_how_a_project_is_labeled(service: Service) -> None:
    changes = {
        "grid_above": 0.95, "grid_below": None, "picked": "same", "gold_share": 0.1,
        "show_gold": True, "show_others": True,
    }  # fmt: skip
    before = service.call("lea", "GET", "/projects/flowers").json()
    assert (before["grid_above"], before["grid_below"], before["picked"]) == (0.9, 0.1, "another")
    after = service.call("lea", "PATCH", "/projects/flowers", json=changes).json()
    assert {name: after[name] for name in changes} == changes
    kept = service.call("lea", "PATCH", "/projects/flowers", json={"show_gold": False}).json()
    assert (kept["grid_above"], kept["grid_below"]) == (0.95, None)


@pytest.mark.parametrize(
    "change", [{"grid_above": 1.1}, {"grid_below": -0.1}, {"gold_share": 0.3}, {"picked": "me"}]
)
def test_settings_out_of_range_are_refused(shared: Service, change: dict) -> None:
    problem(shared.call("lea", "PATCH", "/projects/flowers", json=change), 422, "invalid")


def test_preferences_are_kept_with_their_user(service: Service) -> None:
    defaults = {"keys": {}, "language": None, "break_minutes": 50, "grid_size": 24}
    assert service.call("ben", "GET", PREFERENCES).json() == defaults
    chosen = {
        "keys": {"yes": ["j", "Enter"], "zoom-in": [" "]},
        "language": "ar",
        "break_minutes": 0,
        "grid_size": 60,
    }
    assert service.call("ben", "PUT", PREFERENCES, json=chosen).json() == chosen
    assert service.call("ben", "GET", PREFERENCES).json() == chosen
    assert service.call("cyd", "GET", PREFERENCES).json() == defaults
    assert service.call("ben", "PUT", PREFERENCES, json={}).json() == defaults


@pytest.mark.parametrize(
    "wrong",
    [
        {"keys": {"Yes!": ["j"]}},
        {"keys": {"yes": [""]}},
        {"keys": {"yes": ["\x00"]}},
        {"keys": {"yes": ["x" * 31]}},
        {"keys": {"yes": ["a", "b", "c", "d", "e", "f"]}},
        {"keys": {f"a{'b' * i}": [] for i in range(61)}},
        {"language": "tlh"},
        {"break_minutes": -1},
        {"break_minutes": 481},
        {"grid_size": 11},
        {"grid_size": 61},
        {"colour": "green"},
    ],
)
def test_preferences_that_no_page_can_follow_are_refused(service: Service, wrong: dict) -> None:
    problem(service.call("ben", "PUT", PREFERENCES, json=wrong), 422, "invalid")


def test_preferences_need_a_caller_and_changing_them_the_scope(service: Service) -> None:
    problem(service.call(None, "GET", PREFERENCES), 401, "not-signed-in")
    problem(service.call(None, "PUT", PREFERENCES, json={}), 401, "not-signed-in")
    crawler = service.token("lea", Scope.INGEST)
    problem(service.call(crawler, "PUT", PREFERENCES, json={}), 403, "forbidden")
