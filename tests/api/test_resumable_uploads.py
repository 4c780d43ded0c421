"""Archives in pieces (tus 1.0): what is acknowledged stays, and one archive is one batch."""

import base64
from datetime import timedelta
from typing import Any

from httpx2 import Response
from sqlalchemy import select, update

from app.db.session import database_now, transaction
from app.db.tables import Batch, Event, Job, ResumableUpload
from app.domain.access import Role, Scope
from app.domain.job import JobKind
from app.domain.quota import Quota
from app.domain.uploading import MOST_OPEN
from app.parts import FOLDER, Parts
from app.usecases.people import create_token, set_member
from app.usecases.pool.uploads import batch_blobs_to_forget, blob_key
from tests.api.service import Service, problem
from workers.runner import Workbench, forget_uploads

BASE = "/projects/flowers/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
PIECES = {"Content-Type": "application/offset+octet-stream"}
DATA = bytes(range(256)) * 40


def said(**facts: str) -> dict[str, str]:
    pairs = [f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in facts.items()]
    return {"Upload-Metadata": ",".join(pairs)}


def begin(service: Service, length: int = len(DATA), who: str = "lea", **facts: str) -> str:
    headers = TUS | {"Upload-Length": str(length)} | said(**facts)
    answer = service.call(who, "POST", BASE, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.headers["Upload-Expires"].endswith("GMT")
    path: str = answer.headers["Location"]
    assert path == f"/api/v1{BASE}/{answer.json()['id']}"
    return path.removeprefix("/api/v1")


def send(service: Service, path: str, offset: int, data: bytes, who: str = "lea") -> Response:
    headers = TUS | PIECES | {"Upload-Offset": str(offset)}
    return service.call(who, "PATCH", path, headers=headers, content=data)


def offset(service: Service, path: str) -> int:
    answer = service.call("lea", "HEAD", path, headers=TUS)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.headers["Upload-Length"] == str(len(DATA))
    return int(answer.headers["Upload-Offset"])


def test_an_archive_in_pieces_becomes_one_batch_with_its_job(service: Service) -> None:
    path = begin(service, filename="Größe 花.tar", licence="CC BY", tags="alps|wild")
    assert offset(service, path) == 0
    assert send(service, path, 0, DATA[:1000]).headers["Upload-Offset"] == "1000"
    assert offset(service, path) == 1000
    (listed,) = service.call("lea", "GET", BASE).json()
    assert (listed["offset"], listed["filename"], listed["batch_id"]) == (
        1000,
        "Größe 花.tar",
        None,
    )
    last = send(service, path, 1000, DATA[1000:])
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(DATA)))
    # The answer was lost: the client sends the same again, asks, and hears that all is there.
    assert problem(send(service, path, 1000, DATA[1000:]), 409, "wrong-offset")
    assert send(service, path, len(DATA), b"").status_code == 204
    assert offset(service, path) == len(DATA)
    with service.sessions() as session:
        batch = session.scalars(select(Batch)).one()
        job = session.scalars(select(Job)).one()
        event = session.scalars(select(Event).where(Event.verb == "send-archive")).one()
    assert (batch.kind, batch.name, batch.state) == ("archive", "Größe 花.tar", "queued")
    assert service.call("lea", "GET", path).json()["batch_id"] == batch.id == job.batch_id
    assert service.jobs.sent == [(job.id, JobKind.INGEST_ARCHIVE)]
    assert (event.what, event.details) == ("Größe 花.tar", {"batch": batch.id})
    assert service.blobs.get(batch.blob_key or "") == DATA
    assert not list((service.data_dir / FOLDER).iterdir())
    assert service.call("lea", "GET", BASE).json() == []


def test_a_process_that_died_before_the_batch_was_made_is_made_good(service: Service) -> None:
    for ask in ("HEAD", "GET", "PATCH"):
        path = begin(service)
        send(service, path, 0, DATA[:5000])
        name = path.rpartition("/")[2]
        part = Parts(service.data_dir / FOLDER).path(name)
        part.write_bytes(DATA)  # the rest came and was synced; then the file was moved
        service.blobs.move_in(blob_key(name), part)
        if ask == "PATCH":
            assert problem(send(service, path, 5000, DATA[5000:]), 409, "wrong-offset")
        else:
            assert service.call("lea", ask, path, headers=TUS).status_code == 200
        assert offset(service, path) == len(DATA)
    assert (service.count(Batch), service.count(Job), len(service.jobs.sent)) == (3, 3, 3)


def test_what_was_written_but_not_acknowledged_is_written_again(service: Service) -> None:
    path = begin(service)
    send(service, path, 0, DATA[:100])
    part = Parts(service.data_dir / FOLDER).path(path.rpartition("/")[2])
    with part.open("ab") as file:
        file.write(b"half a piece of a process that was killed")
    assert offset(service, path) == 100
    assert send(service, path, 100, DATA[100:]).status_code == 204
    with service.sessions() as session:
        assert service.blobs.get(session.scalars(select(Batch.blob_key)).one() or "") == DATA


def test_two_requests_cannot_write_one_upload_at_once(service: Service) -> None:
    path = begin(service)
    with Parts(service.data_dir / FOLDER).writing(path.rpartition("/")[2], 0):
        problem(send(service, path, 0, DATA), 423, "upload-busy")
    assert send(service, path, 0, DATA).status_code == 204


def test_uploads_are_their_owners_alone_and_can_be_given_up(service: Service) -> None:
    path = begin(service)
    with service.transaction() as session:
        set_member(session, service.project("flowers"), "olga", Role.LEAD)
    for method in ("GET", "HEAD", "DELETE"):
        assert service.call("olga", method, path, headers=TUS).status_code == 404
    problem(send(service, path, 0, DATA, who="olga"), 404, "not-found")
    problem(send(service, path, 0, DATA, who="ben"), 403, "forbidden")
    elsewhere = path.replace("/flowers/", "/birds/")
    assert service.call("olga", "HEAD", elsewhere, headers=TUS).status_code == 404
    gone = service.call("lea", "DELETE", path, headers=TUS)
    assert (gone.status_code, gone.headers["Tus-Resumable"]) == (204, "1.0.0")
    assert service.call("lea", "HEAD", path, headers=TUS).status_code == 404
    assert not list((service.data_dir / FOLDER).iterdir())


def test_the_limits_are_told(service: Service) -> None:
    answer = service.call("lea", "OPTIONS", BASE)
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Extension"] == "creation,expiration,termination"
    most = int(answer.headers["Tus-Max-Size"])

    def refused(status: int, name: str, **headers: str) -> dict[str, Any]:
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        return problem(service.call("lea", "POST", BASE, headers=given), status, name)

    refused(413, "too-large", Tus_Resumable="1.0.0", Upload_Length=str(most + 1))
    refused(412, "tus-version", Upload_Length="1")
    refused(412, "tus-version", Tus_Resumable="0.2.2", Upload_Length="1")
    for length in ("0", "-1", "x"):
        refused(422, "invalid", Tus_Resumable="1.0.0", Upload_Length=length)
    refused(422, "invalid", Tus_Resumable="1.0.0")
    refused(422, "invalid", Tus_Resumable="1.0.0", Upload_Length="1", Upload_Metadata="filename ?")
    bad = said(url="javascript:1")["Upload-Metadata"]
    refused(422, "invalid", Tus_Resumable="1.0.0", Upload_Length="1", Upload_Metadata=bad)
    path = begin(service)
    problem(send(service, path, 5, DATA), 409, "wrong-offset")
    problem(send(service, path, 0, DATA + b"x"), 413, "too-large")
    kind = TUS | {"Upload-Offset": "0", "Content-Type": "image/jpeg"}
    problem(service.call("lea", "PATCH", path, headers=kind, content=b"x"), 415, "media-type")
    assert offset(service, path) == 0
    for _ in range(MOST_OPEN - 1):
        begin(service)
    headers = TUS | {"Upload-Length": "1"}
    many = service.call("lea", "POST", BASE, headers=headers)
    problem(many, 429, "too-many-uploads")
    assert many.headers["Retry-After"] == "60"
    assert send(service, path, 0, DATA).status_code == 204
    begin(service)


def test_a_tokens_bytes_are_counted_when_an_archive_is_announced(service: Service) -> None:
    with service.transaction() as session:
        scopes = frozenset({Scope.INGEST})
        token = create_token(session, "lea", "crawler", scopes, Quota(bytes=1000))
    headers = TUS | {"Upload-Length": "600"}
    assert service.call(token, "POST", BASE, headers=headers).status_code == 201
    problem(service.call(token, "POST", BASE, headers=headers), 429, "quota-spent")
    assert len(service.call(token, "GET", BASE).json()) == 1


def test_what_expired_is_forgotten_and_what_is_over_leaves_no_archive(service: Service) -> None:
    whole, left = begin(service), begin(service)
    assert send(service, whole, 0, DATA).status_code == 204
    send(service, left, 0, DATA[:10])
    with service.transaction() as session:
        expired = database_now(session) - timedelta(seconds=1)
        session.execute(update(ResumableUpload).values(expires_at=expired))
    assert service.call("lea", "HEAD", left, headers=TUS).status_code == 404
    settings = service.app.state.context.settings
    bench = Workbench(settings, service.app.state.context.sessions, service.blobs, service.jobs)
    forget_uploads(bench)
    assert service.count(ResumableUpload) == 0
    assert not list((service.data_dir / FOLDER).iterdir())
    with transaction(service.sessions) as session:
        key = session.scalars(select(Batch.blob_key)).one()
        # A worker still needs the whole one.
        assert service.blobs.exists(key or "")
        session.execute(update(Batch).values(state="done"))
    forget_uploads(bench)
    assert not service.blobs.exists(key or "")
    with transaction(service.sessions) as session:
        assert batch_blobs_to_forget(session) == []
