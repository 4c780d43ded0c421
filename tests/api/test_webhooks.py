"""Webhooks over REST."""

from typing import Any

import pytest

from app.db.tables import Delivery, Webhook
from app.domain.webhook import MOST_WEBHOOKS
from tests.api.service import Service, problem

BASE = "/projects/flowers/webhooks"
URL = "https://example.org/hook?key=secret-path"


def make(service: Service, **body: Any) -> dict[str, Any]:
    answer = service.call("lea", "POST", BASE, json={"url": URL} | body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_secret_is_told_once(service: Service) -> None:
    made = make(service)
    assert made["secret"].startswith("whsec_")
    assert made["states"] == ["labeling", "closed", "failed"]
    assert (made["state"], made["reason"], made["failing_since"]) == ("active", None, None)
    path = f"{BASE}/{made['id']}"
    (listed,) = service.call("lea", "GET", BASE).json()
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    changed = service.call("lea", "PATCH", path, json={"states": ["failed", "scoring", "failed"]})
    assert changed.json()["secret"] is None
    assert changed.json()["states"] == ["scoring", "failed"]
    other = service.call("lea", "PATCH", path, json={"new_secret": True}).json()["secret"]
    assert other not in (None, made["secret"])


def test_neither_secrets_nor_paths_are_in_the_log(service: Service) -> None:
    made = make(service)
    body = {"url": "https://example.com/other-secret", "paused": True, "new_secret": True}
    other = service.call("lea", "PATCH", f"{BASE}/{made['id']}", json=body).json()
    log = service.call("lea", "GET", "/projects/flowers/events").text
    assert "example.com" in log
    assert not any(
        each in log for each in (made["secret"], other["secret"], "secret-path", "other-secret")
    )


def test_it_is_paused_resumed_and_deleted(service: Service) -> None:
    path = f"{BASE}/{make(service)['id']}"
    assert service.call("lea", "PATCH", path, json={"paused": True}).json()["state"] == "paused"
    again = service.call("lea", "PATCH", path, json={"paused": True})
    problem(again, 409, "wrong-state")
    problem(service.call("lea", "POST", f"{path}/test"), 409, "wrong-state")
    assert service.call("lea", "PATCH", path, json={"paused": False}).json()["state"] == "active"
    assert service.call("lea", "POST", f"{path}/test").status_code == 202
    assert service.call("lea", "DELETE", path).status_code == 204
    assert service.count(Webhook) == service.count(Delivery) == 0
    problem(service.call("lea", "DELETE", path), 404, "not-found")


def test_deliveries_come_in_pages_and_are_sent_again(service: Service) -> None:
    path = f"{BASE}/{make(service)['id']}"
    sent = [service.call("lea", "POST", f"{path}/test").json() for _ in range(3)]
    first = service.call("lea", "GET", f"{path}/deliveries?limit=2").json()
    assert [each["id"] for each in first["deliveries"]] == [sent[2]["id"], sent[1]["id"]]
    rest = service.call("lea", "GET", f"{path}/deliveries?before={first['next']}").json()
    assert ([each["id"] for each in rest["deliveries"]], rest["next"]) == ([sent[0]["id"]], None)
    (waiting,) = rest["deliveries"]
    assert waiting["type"] == "webhook.test"
    assert (waiting["state"], waiting["tries"], waiting["status"]) == ("waiting", 0, None)
    assert waiting["next_try_at"] is not None
    with service.transaction() as session:
        session.get_one(Delivery, waiting["id"]).state = "delivered"
    delivery = f"{path}/deliveries/{waiting['id']}/redeliver"
    again = service.call("lea", "POST", delivery)
    assert (again.status_code, again.json()["state"]) == (202, "waiting")
    assert again.json()["message_id"] == waiting["message_id"]
    problem(service.call("lea", "POST", f"{path}/deliveries/999/redeliver"), 404, "not-found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "ftp://example.org"}, "url"),
        ({"url": "http://169.254.169.254/latest"}, "url"),
        ({"url": "https://a:b@example.org"}, "url"),
        ({"url": URL, "states": []}, "states"),
    ],
)
def test_what_is_wrong_is_said_of_its_field(
    service: Service, body: dict[str, Any], field: str
) -> None:
    refused = problem(service.call("lea", "POST", BASE, json=body), 422, "invalid")
    assert [each["field"] for each in refused["fields"]] == [field]
    path = f"{BASE}/{make(service)['id']}"
    problem(service.call("lea", "PATCH", path, json=body), 422, "invalid")


def test_a_project_has_not_too_many(service: Service) -> None:
    for _ in range(MOST_WEBHOOKS):
        make(service)
    refused = problem(service.call("lea", "POST", BASE, json={"url": URL}), 422, "invalid")
    assert "20 webhooks" in refused["detail"]


def test_those_of_another_project_are_not_there(service: Service) -> None:
    number = make(service)["id"]
    path = f"/projects/birds/webhooks/{number}"
    assert service.call("olga", "GET", "/projects/birds/webhooks").json() == []
    for method, suffix in (
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("GET", "/deliveries"),
        ("POST", "/deliveries/1/redeliver"),
    ):
        body = {"json": {}} if method == "PATCH" else {}
        problem(service.call("olga", method, path + suffix, **body), 404, "not-found")
