"""What a labeler sends."""

from typing import Any

from httpx import Response

from tests.api.service import Service

PROPOSALS = "/projects/flowers/proposals"


def lease_all(
    service: Service, who: str = "ben", count: int = 60, client: str = "tab", **more: Any
) -> dict[str, Any]:
    """The whole answer to a lease."""
    body = {"client": client, "count": count, **more}
    answer = service.call(who, "POST", f"{PROPOSALS}/lease", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def decide(
    service: Service,
    lease: dict[str, Any],
    answer: str = "yes",
    who: str = "ben",
    key: str | None = None,
    **more: Any,
) -> Response:
    """Answer a leased proposal; without a key, with one of its own."""
    body = {"lease_token": lease["lease_token"], "answer": answer, **more}
    return service.call(
        who,
        "POST",
        f"{PROPOSALS}/{lease['id']}/decisions",
        json=body,
        headers={"Idempotency-Key": key or f"{who} {lease['id']} {answer}"},
    )


def decided(service: Service, *args: Any, **more: Any) -> dict[str, Any]:
    """As `decide`; the answer of a request that is taken."""
    answer = decide(service, *args, **more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def undo(
    service: Service, decision: int, who: str = "ben", key: str = "u", client: str = "tab"
) -> Response:
    """Take a decision back."""
    return service.call(
        who,
        "POST",
        f"/projects/flowers/decisions/{decision}/undo",
        json={"client": client},
        headers={"Idempotency-Key": key},
    )


def past(service: Service, who: str = "ben", limit: int = 20) -> list[dict[str, Any]]:
    """The caller's decisions, the newest first."""
    answer = service.call(who, "GET", f"/projects/flowers/decisions?limit={limit}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found
