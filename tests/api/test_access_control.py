"""Who gets in: strangers, outsiders, labelers, tokens with few scopes, browsers."""

from datetime import UTC, datetime

import pytest
from httpx import Response
from sqlalchemy import select, update

from app.api.dependencies import COOKIE, CSRF_HEADER
from app.db.tables import ApiToken, Category, Decision, Image, User
from app.domain.access import Right, Role, Scope, allowed
from tests import factories
from tests.api.service import Service, problem
from tests.api.test_contract import RIGHTS, ROUTES

IN_PROJECT = [route for route in ROUTES if "{project}" in route.path]
RIGHT_OF = {name: right for right, names in RIGHTS.items() for name in names}
REFUSED_TO_LABELERS = [
    r for r in IN_PROJECT if RIGHT_OF[r.operation_id] in (Right.LEAD, Right.INGEST)
]

named = pytest.mark.parametrize("route", IN_PROJECT, ids=lambda route: route.operation_id)


def path_of(route, project: str) -> str:  # noqa: ANN001
    values = {
        "{project}": project, "{category_id}": "1", "{login}": "ben", "{sha256}": "0" * 64,
        "{size}": "screen", "{number}": "1", "{proposal_id}": "1", "{decision_id}": "1",
        "{webhook_id}": "1", "{delivery_id}": "1",
    }  # fmt: skip
    path = route.path
    for name, value in values.items():
        path = path.replace(name, value)
    return path


def method_of(route) -> str:  # noqa: ANN001
    (method,) = route.methods
    return method


def knock(service: Service, who: str | None, route, project: str = "flowers") -> Response:  # noqa: ANN001
    """A request without a body; uploads look at the version of their protocol before all else."""
    headers = {"Tus-Resumable": "1.0.0"}
    return service.call(who, method_of(route), path_of(route, project), headers=headers)


def check(answer: Response, route, status: int, name: str) -> None:  # noqa: ANN001
    """The refusal. An answer to HEAD has no body to tell of it."""
    if method_of(route) == "HEAD":
        assert (answer.status_code, answer.content) == (status, b"")
    else:
        problem(answer, status, name)


@named
def test_without_credentials_nothing_is_told(shared: Service, route) -> None:  # noqa: ANN001
    answer = knock(shared, None, route)
    check(answer, route, 401, "not-signed-in")
    assert answer.headers["www-authenticate"] == "Bearer"


@named
def test_an_outsider_cannot_tell_the_project_exists(shared: Service, route) -> None:  # noqa: ANN001
    there = knock(shared, "olga", route)
    nowhere = knock(shared, "olga", route, "nowhere")
    check(there, route, 404, "not-found")
    assert there.text.replace("flowers", "nowhere") == nowhere.text


@pytest.mark.parametrize("route", REFUSED_TO_LABELERS, ids=lambda route: route.operation_id)
def test_a_labeler_is_refused_what_leads_do(shared: Service, route) -> None:  # noqa: ANN001
    check(knock(shared, "ben", route), route, 403, "forbidden")


@pytest.mark.parametrize("scope", Scope)
def test_a_token_does_no_more_than_its_scope(shared: Service, scope: Scope) -> None:
    token = shared.token("lea", scope)
    for route in IN_PROJECT:
        if not allowed(RIGHT_OF[route.operation_id], Role.LEAD, frozenset({scope})):
            check(knock(shared, token, route), route, 403, "forbidden")


def test_a_token_with_the_scope_does_it(shared: Service) -> None:
    for scope, path in [(Scope.LEAD, "examples"), (Scope.LABEL, "decisions")]:
        answer = shared.call(shared.token("lea", scope), "GET", f"/projects/flowers/{path}")
        assert answer.status_code == 200


def test_making_a_project_needs_the_scope_and_the_right(service: Service) -> None:
    body = {"slug": "new", "name": "New"}
    answer = service.call(service.token("lea", Scope.INGEST), "POST", "/projects", json=body)
    problem(answer, 403, "forbidden")
    with service.transaction() as session:
        session.execute(update(User).where(User.login == "lea").values(may_create_projects=False))
    problem(service.call("lea", "POST", "/projects", json=body), 403, "forbidden")


@pytest.mark.parametrize("token", ["", "vetted_unknown", "x" * 5000, "ä".encode().decode("latin1")])
def test_an_unknown_token_is_refused(shared: Service, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}".encode("latin1")}
    answer = shared.client.get("/api/v1/projects", headers=headers)
    problem(answer, 401, "not-signed-in")


def test_a_revoked_token_is_refused(service: Service) -> None:
    assert service.call("lea", "GET", "/projects").status_code == 200
    with service.transaction() as session:
        session.execute(update(ApiToken).values(revoked_at=datetime.now(UTC)))
    problem(service.call("lea", "GET", "/projects"), 401, "not-signed-in")


def test_a_disabled_user_is_refused_by_token_and_by_session(service: Service) -> None:
    cookie, _ = service.cookie("lea")
    with service.transaction() as session:
        session.execute(update(User).values(disabled_at=datetime.now(UTC)))
    problem(service.call("lea", "GET", "/projects"), 401, "not-signed-in")
    answer = service.client.get("/api/v1/projects", headers={"Cookie": f"{COOKIE}={cookie}"})
    problem(answer, 401, "not-signed-in")


def test_a_browser_reads_with_its_session_alone(service: Service) -> None:
    cookie, _ = service.cookie("lea")
    answer = service.client.get("/api/v1/projects", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert [each["slug"] for each in answer.json()] == ["flowers"]


@pytest.mark.parametrize("csrf", [None, "", "0" * 64, "ä"])
def test_a_browser_writes_only_with_the_token_of_the_page(
    service: Service, csrf: str | None
) -> None:
    cookie, good = service.cookie("lea")
    headers = {"Cookie": f"{COOKIE}={cookie}"}
    if csrf is not None:
        headers[CSRF_HEADER] = csrf.encode()  # type: ignore[assignment]
    body = {"name": "Aster"}
    url = "/api/v1/projects/flowers/categories"
    problem(service.client.post(url, json=body, headers=headers), 403, "forbidden")
    assert service.count(Category) == 0
    answer = service.client.post(url, json=body, headers={**headers, CSRF_HEADER: good})
    assert answer.status_code == 201


def test_a_bad_token_is_not_rescued_by_a_cookie(service: Service) -> None:
    cookie, _ = service.cookie("lea")
    headers = {"Cookie": f"{COOKIE}={cookie}"}
    problem(service.call("bad", "GET", "/projects", headers=headers), 401, "not-signed-in")


@pytest.fixture
def foreign(labeling: Service) -> dict[str, int | str]:
    """Ids of things in Lea's project; Olga leads another one."""
    assert labeling.labeling is not None
    with labeling.transaction() as session:
        proposal = session.get_one(factories.Proposal, labeling.labeling.proposal_ids[0])
        olga = session.scalars(select(User.id).where(User.login == "olga")).one()
        # Even an answer of her own, from when she was a member there.
        decision = factories.answer(session, proposal, olga, "yes")
        return {
            "category": labeling.labeling.category_ids[0],
            "proposal": labeling.labeling.proposal_ids[1],
            "decision": decision.id,
            "sha256": session.get_one(Image, proposal.image_id).sha256,
        }


def test_ids_of_another_project_are_not_found(
    labeling: Service, foreign: dict[str, int | str]
) -> None:
    category, image = f"/categories/{foreign['category']}", f"/images/{foreign['sha256']}"
    key = {"headers": {"Idempotency-Key": "k"}}
    answer = {"lease_token": "x", "answer": "yes"}
    requests = [
        ("PUT", category, {"json": {"name": "Mine"}}),
        ("DELETE", category, {}),
        ("GET", image, {}),
        ("GET", f"{image}/original", {}),
        ("GET", f"{image}/thumbnail", {}),
        ("GET", "/rounds/1", {}),
        ("POST", "/rounds/1/close", {}),
        ("POST", "/rounds/1/cancel", {}),
        ("POST", f"/proposals/{foreign['proposal']}/decisions", {"json": answer, **key}),
        ("POST", f"/decisions/{foreign['decision']}/undo", {"json": {"client": "c"}, **key}),
        ("GET", "/export", {}),
    ]
    for method, path, rest in requests:
        problem(labeling.call("olga", method, f"/projects/birds{path}", **rest), 404, "not-found")
    assert labeling.count(Decision) == 1


def test_a_labeler_cannot_undo_what_another_decided(
    labeling: Service, foreign: dict[str, int | str]
) -> None:
    answer = labeling.call(
        "ben", "POST", f"/projects/flowers/decisions/{foreign['decision']}/undo",
        json={"client": "c"}, headers={"Idempotency-Key": "k"},
    )  # fmt: skip
    problem(answer, 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "rest"),
    [
        ("GET", "/rounds/99999999999999999999", {}),
        ("POST", "/rounds/4294967296/close", {}),
        ("DELETE", "/categories/99999999999999999999", {}),
        ("GET", "/examples?after=99999999999999999999", {}),
        ("GET", "/export?version=99999999999999999999", {}),
        ("GET", "/images/%00", {}),
        ("PUT", "/members/%00", {"json": {"role": "lead"}}),
        ("POST", "/categories", {"json": {"name": "a", "definition": "\x00"}}),
        ("POST", "/categories", {"json": {"name": "a", "look_alikes": ["\x00"]}}),
        ("POST", "/proposals/release", {"json": {"client": "\x00"}}),
        ("PATCH", "", {"json": {"description": "\x00"}}),
    ],
)
def test_what_no_database_can_hold_is_refused_and_not_an_error_of_ours(
    shared: Service, method: str, path: str, rest: dict
) -> None:
    answer = shared.call("lea", method, f"/projects/flowers{path}", **rest)
    problem(answer, *((404, "not-found") if answer.status_code == 404 else (422, "invalid")))


def test_an_impossible_project_name_is_refused_too(shared: Service) -> None:
    answer = shared.call("lea", "GET", "/projects/%00")
    problem(answer, *((404, "not-found") if answer.status_code == 404 else (422, "invalid")))
