"""Commits before answers, bodies that are too large or break off, methods that are not there."""

import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy import text

from app.api.dependencies import get_unit
from app.api.one_thread import OneThreadRoute
from app.db.tables import Category, Decision, Image
from tests.api.service import Service, problem
from tests.api.test_rounds_and_labels import decide, lease
from tests.factories import paint

REFUSE_AT_COMMIT = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON {table}
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
"""


def refuse_at_commit(service: Service, table: str) -> None:
    """From now on, a transaction that added a row to the table fails when it commits."""
    with service.transaction() as session:
        session.execute(text(REFUSE_AT_COMMIT.format(table=table)))


def test_nothing_is_called_created_before_it_is_committed(service: Service) -> None:
    refuse_at_commit(service, "category")
    answer = service.call("lea", "POST", "/projects/flowers/categories", json={"name": "Aster"})
    problem(answer, 500, "internal")
    assert service.count(Category) == 0


def test_a_labeler_never_sees_saved_for_what_was_not(labeling: Service) -> None:
    (proposal, _) = lease(labeling)
    refuse_at_commit(labeling, "decision")
    problem(decide(labeling, proposal), 500, "internal")
    assert labeling.count(Decision) == 0


def test_every_route_with_a_transaction_commits_it(service: Service) -> None:
    writing = [each for each in _routes(service.app.routes) if get_unit in _calls(each.dependant)]
    assert len(writing) > 30
    for route in writing:
        assert isinstance(route, OneThreadRoute), route.path


def _routes(found: Iterable[Any]) -> Iterator[APIRoute]:
    for each in found:
        if isinstance(each, APIRoute):
            yield each
        else:
            yield from _routes(getattr(getattr(each, "original_router", None), "routes", ()))


def _calls(dependant: Dependant) -> set[Any]:
    inner = (_calls(each) for each in dependant.dependencies)
    return {dependant.call}.union(*inner)


def test_no_job_is_sent_for_a_round_that_was_not_committed(ready: Service) -> None:
    refuse_at_commit(ready, "round")
    problem(ready.call("lea", "POST", "/projects/flowers/rounds"), 500, "internal")
    assert ready.jobs.sent == []


def test_an_error_of_ours_tells_strangers_nothing(service: Service) -> None:
    refuse_at_commit(service, "category")
    answer = service.call("lea", "POST", "/projects/flowers/categories", json={"name": "Aster"})
    assert "disk" not in answer.text


@pytest.mark.parametrize("path", ["/nowhere", "/projects/flowers/nowhere", "/projects//rounds"])
def test_no_such_route_is_a_problem(shared: Service, path: str) -> None:
    problem(shared.call("lea", "GET", path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/projects", {"GET", "POST"}),
        ("HEAD", "/projects", {"GET", "POST"}),
        ("PUT", "/projects/flowers/rounds", {"GET", "POST"}),
        ("GET", "/projects/flowers/proposals/lease", {"POST"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    shared: Service, method: str, path: str, allowed: set[str]
) -> None:
    answer = shared.call("lea", method, path)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.headers["allow"].split(", ")) & allowed


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b""])
def test_a_body_that_is_not_the_documented_json_is_refused(shared: Service, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    url = "/projects/flowers/proposals/lease"
    answer = shared.call("ben", "POST", url, content=body, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_multipart_body_that_is_none_is_refused(shared: Service) -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x", "image/jpeg"):
        answer = shared.call(
            "lea",
            "POST",
            "/projects/flowers/images",
            content=b"abc",
            headers={"Content-Type": kind},
        )
        assert answer.status_code in {400, 422}
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_declared_too_large_is_refused(service: Service) -> None:
    answer = service.upload("/images", ("big.jpg", b"\x00" * 3_000_000))
    assert "2,000,000" in problem(answer, 413, "too-large")["detail"]


@pytest.mark.parametrize("who", [None, "a made-up token"])
@pytest.mark.parametrize("declared", [True, False])
def test_a_stranger_cannot_make_the_server_read_an_upload(
    service: Service,
    who: str | None,
    declared: bool,  # noqa: FBT001
) -> None:
    pieces = [b"\x00" * 100_000] * 15
    content = b"".join(pieces) if declared else iter(pieces)
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = service.call(who, "POST", "/projects/flowers/images", content=content, headers=headers)
    problem(answer, 401, "not-signed-in")


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json"])
def test_a_body_that_hides_its_size_is_refused_too(service: Service, kind: str) -> None:
    def body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
        for _ in range(30):
            yield b"\x00" * 100_000

    path = "/images" if "multipart" in kind else "/categories"
    answer = service.call(
        "lea", "POST", f"/projects/flowers{path}", content=body(), headers={"Content-Type": kind}
    )
    problem(answer, 413, "too-large")
    assert service.count(Image) == 0


@contextmanager
def listening(service: Service) -> Iterator[tuple[str, int]]:
    """A real server of the application on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(service.app, log_level="error", timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join(20)


def head(service: Service, length: int) -> bytes:
    lines = [
        "POST /api/v1/projects/flowers/images HTTP/1.1", "Host: test", "Connection: close",
        f"Authorization: Bearer {service.tokens['lea']}", f"Content-Length: {length}",
        "Content-Type: multipart/form-data; boundary=x", "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def multipart(picture: bytes) -> bytes:
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    return part + picture + b"\r\n--x--\r\n"


def test_an_upload_that_is_cut_off_stores_nothing_and_the_next_one_works(service: Service) -> None:
    body = multipart(paint(0, 0))
    with listening(service) as address:
        with socket.create_connection(address) as connection:
            connection.sendall(head(service, len(body)) + body[: len(body) // 2])
        with socket.create_connection(address, timeout=20) as connection:
            connection.sendall(head(service, len(body)) + body)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b" 200 " in answer.split(b"\r\n", 1)[0]
    told = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    # "stored", not "duplicate": the half that came first left nothing behind.
    assert [image["outcome"] for image in told["images"]] == ["stored"]
    assert service.count(Image) == 1


def test_an_upload_that_is_cut_off_alone_leaves_a_healthy_server(service: Service) -> None:
    body = multipart(paint(0, 0))
    with listening(service) as address:
        for _ in range(5):
            with socket.create_connection(address) as connection:
                connection.sendall(head(service, len(body)) + body[:-40])
        with socket.create_connection(address, timeout=20) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b'{"status":"ok"}' in answer
    assert service.count(Image) == 0
    assert not [path for path in service.data_dir.rglob("*") if path.is_file()]
