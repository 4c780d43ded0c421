"""Too many at once, too much in a day, too little space: refused early, and all else goes on."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, text

from app.db.tables import Image, Project
from app.domain.quota import Quota
from app.main import create_app
from app.usecases.people import create_token
from tests.api.conftest import _service
from tests.api.labeling import lease_all
from tests.api.service import EVERY_SCOPE, Service, make_settings, problem
from tests.api.test_transport import head, listening, multipart
from tests.factories import paint

TURNS = 2
BLOCKED = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND cardinality(pg_blocking_pids(pid)) > 0"
)


@contextmanager
def service_with(database_url: str, folder: Path, **settings: int) -> Iterator[Service]:
    chosen = make_settings(database_url, folder).model_copy(update=settings)
    with _service(create_app(chosen), database_url, folder) as made:
        yield made


@pytest.fixture
def narrow(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """Two requests decode at once."""
    with service_with(database_url, tmp_path, most_decoding=TURNS) as made:
        yield made


@contextmanager
def nothing_is_stored(service: Service) -> Iterator[None]:
    """Meanwhile whoever decoded a picture waits to store it, and holds a turn."""
    with service.transaction() as session:
        session.execute(select(Project.id).where(Project.slug == "flowers").with_for_update())
        yield


def until_blocked(service: Service, number: int) -> None:
    with service.sessions() as session:
        while session.scalars(BLOCKED).one() < number:
            session.rollback()


def push(address: tuple[str, int], service: Service, index: int) -> httpx.Response:
    host, port = address
    return httpx.post(
        f"http://{host}:{port}/api/v1/projects/flowers/images",
        files={"files": (f"{index}.jpg", paint(0, index))},
        headers={"Authorization": f"Bearer {service.tokens['lea']}"},
        timeout=60,
    )


def answer_of(connection: socket.socket) -> tuple[bytes, bytes]:
    """The head and the body of an answer that ends with its connection."""
    whole = b"".join(iter(lambda: connection.recv(65536), b""))
    start, _, body = whole.partition(b"\r\n\r\n")
    return start, body


def test_whoever_is_too_much_is_refused_before_the_body_and_the_others_get_their_turn(
    narrow: Service,
) -> None:
    body = multipart(paint(0, 50))
    with listening(narrow) as address, ThreadPoolExecutor(TURNS + 1) as pool:
        # Sends slowly: begins before all turns are taken, and ends while they are.
        slow = socket.create_connection(address, timeout=60)
        slow.sendall(head(narrow, len(body)) + body[:-40])
        with nothing_is_stored(narrow):
            at_work = [pool.submit(push, address, narrow, index) for index in range(TURNS)]
            until_blocked(narrow, TURNS)
            slow.sendall(body[-40:])
            with socket.create_connection(address, timeout=20) as late:
                late.sendall(head(narrow, len(body)))
                start, told = answer_of(late)
            assert b" 429 " in start
            assert b"retry-after: 1" in start
            assert json.loads(told)["type"] == "urn:vetted:busy"
            health = httpx.get(f"http://{address[0]}:{address[1]}/healthz")
            assert health.status_code == 200
        assert [each.result().status_code for each in at_work] == [200] * TURNS
        with slow:
            assert b" 200 " in answer_of(slow)[0]
        assert push(address, narrow, 60).status_code == 200
    assert narrow.count(Image) == TURNS + 2


def test_of_many_at_once_as_many_as_may_wait_are_stored(narrow: Service) -> None:
    with listening(narrow) as address, ThreadPoolExecutor(12) as pool:
        with nothing_is_stored(narrow):
            first = [pool.submit(push, address, narrow, index) for index in range(TURNS)]
            until_blocked(narrow, TURNS)
            rest = [pool.submit(push, address, narrow, index) for index in range(2, 12)]
            refused = [each.result() for each in rest]
        stored = [each.result() for each in first]
    assert {each.status_code for each in refused} == {429}
    assert all(int(each.headers["Retry-After"]) >= 1 for each in refused)
    assert {each.status_code for each in stored} == {200}
    assert narrow.count(Image) == TURNS


def test_a_full_disk_stops_pictures_and_nothing_else(database_url: str, tmp_path: Path) -> None:
    with service_with(database_url, tmp_path, least_free_bytes=2**60) as full:
        full.begin_labeling(proposals=1)
        for path, form in (("/images", {}), ("/examples", {"category": "Spring gentian"})):
            refused = full.upload(path, ("a.jpg", paint(0, 70)), **form)
            assert "disk" in problem(refused, 503, "no-space")["detail"]
            assert refused.headers["Retry-After"] == "60"
        archive = {"file": ("a.zip", b"PK")}
        refused = full.call("lea", "POST", "/projects/flowers/imports", files=archive)
        problem(refused, 503, "no-space")
        headers = {"Accept-Language": "de"}
        told = full.call("lea", "POST", "/projects/flowers/images", headers=headers)
        assert "Festplatte" in told.json()["detail"]
        assert lease_all(full, "ben")["leases"]
        closed = full.call("lea", "POST", "/projects/flowers/rounds/1/close")
        assert closed.status_code == 200


def limited(service: Service, quota: Quota) -> str:
    with service.transaction() as session:
        return create_token(session, "lea", "crawler", EVERY_SCOPE, quota)


def test_a_token_brings_no_more_pictures_in_a_day_than_it_may(service: Service) -> None:
    token = limited(service, Quota(images=3))
    files = [(f"{index}.jpg", paint(0, index)) for index in range(4)]
    assert service.upload("/images", *files[:2], who=token).json()["stored"] == 2
    refused = service.upload("/images", *files[2:], who=token)
    assert "3 pictures a day" in problem(refused, 429, "quota-spent")["detail"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 86_400
    # Nothing of a refused request is kept, so what is left of the day can still be used.
    assert service.upload("/images", files[2], who=token).json()["stored"] == 1
    problem(service.upload("/images", files[0], who=token), 429, "quota-spent")
    assert service.count(Image) == 3
    # Others are not held up.
    assert service.upload("/images", files[3]).json()["stored"] == 1


def test_a_token_brings_no_more_bytes_in_a_day_than_it_may(service: Service) -> None:
    one, other = paint(0, 1), paint(0, 2)
    token = limited(service, Quota(bytes=len(one) + len(other) - 1))
    assert service.upload("/images", ("a.jpg", one), who=token).json()["stored"] == 1
    refused = service.upload("/images", ("b.jpg", other), who=token)
    assert "bytes" in problem(refused, 429, "quota-spent")["detail"]
    # A broken file counts, too: it was sent.
    spent = service.upload("/images", ("c.jpg", b"x" * (len(other) - 1)), who=token)
    assert spent.json()["rejected"] == 1
    problem(service.upload("/images", ("d.jpg", b"x"), who=token), 429, "quota-spent")
