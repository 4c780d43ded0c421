"""Lists of addresses over REST: taken row by row, whole or not at all."""

import pytest
from sqlalchemy import select

from app.db.tables import Address, Batch, Job
from app.domain.access import Scope
from app.domain.job import JobKind
from app.usecases.pool import address_lists
from tests.api.service import Service

PATH = "/projects/flowers/addresses"
CSV = "\ufeffURL;Tags;Author;License;crawled_at\n".encode()


def test_a_list_becomes_a_batch_and_its_job(service: Service) -> None:
    rows = [
        b"HTTPS://Pictures.Example:443/a%20b.jpg;alps|white;Ann;CC BY 4.0;2026-01-31T12:00:00Z",
        b'http://pictures.example:8080/b.jpg;"[""one"", ""two""]";;;',
        b"https://pictures.example/c.jpg;;;;yesterday",
        b"https://pictures.example/\xff.jpg",
        b"",
        b"https://pictures.example/" + b"x" * 60_000,
        b"http://127.0.0.1/",
        b"http://pictures.example:8080/b.jpg#twice;other",
        "https://bücher.example/ä.jpg".encode(),
    ]
    files = {"file": ("flowers\x00.csv", CSV + b"\r\n".join(rows))}
    crawler = service.token("lea", Scope.INGEST)
    answer = service.call(crawler, "POST", PATH, files=files)
    assert answer.status_code == 201, answer.text
    sent = answer.json()
    assert sent == {"batch_id": sent["batch_id"], "addresses": 3, "refused": 4, "repeated": 1}
    with service.sessions() as session:
        batch = session.scalars(select(Batch)).one()
        job = session.scalars(select(Job)).one()
        found = session.scalars(select(Address).order_by(Address.position)).all()
    assert service.jobs.sent == [(job.id, JobKind.FETCH_ADDRESSES)]
    assert (job.batch_id, batch.kind, batch.state) == (batch.id, "addresses", "queued")
    assert (batch.total, batch.done, batch.received, batch.rejected) == (7, 4, 4, 4)
    assert batch.reasons == {"invalid_crawled_at": 1, "invalid_url": 2, "invalid_row": 1}
    assert [(each.position, each.host) for each in found] == [
        (1, "pictures.example"), (2, "pictures.example:8080"), (8, "bücher.example")
    ]  # fmt: skip
    assert (found[0].tags, found[0].author, found[0].licence) == (
        ["alps", "white"],
        "Ann",
        "CC BY 4.0",
    )
    assert found[1].tags == ["one", "two"]
    page = service.call(
        crawler, "GET", f"/projects/flowers/batches/{batch.id}/addresses?limit=2"
    ).json()
    assert ([each["position"] for each in page["addresses"]], page["next"]) == ([1, 2], 2)
    page = service.call(
        crawler, "GET", f"/projects/flowers/batches/{batch.id}/addresses?after=2&state=waiting"
    ).json()
    assert ([each["state"] for each in page["addresses"]], page["next"]) == (["waiting"], None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "first line names its columns"),
        (b"a,b\n1,2\n", "first line names its columns"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "first line names its columns"),
        (b"url\n", "names no address."),
        (b"url\nnonsense\n", "Of its first row: Give an address such as"),
        (b'{"url": "http://10.0.0.1/"}', "This address is private"),
        (b'{"url": "\\ud800\\u0000"}', "Of its first row: Give an address such as"),
        (b'{"url": ' + b"[" * 40_000, "This row is no JSON object."),
    ],
)
def test_a_list_of_nothing_is_refused_whole(service: Service, content: bytes, said: str) -> None:
    answer = service.call("lea", "POST", PATH, content=content)
    assert answer.status_code == 422, answer.text
    assert said in answer.json()["detail"]
    with service.sessions() as session:
        assert session.scalars(select(Batch)).all() == []


def test_who_may_not_or_sends_no_list_is_refused(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"url\nhttps://example.org/a.jpg\nhttps://example.org/b.jpg\n"
    assert service.call("ben", "POST", PATH, content=content).status_code == 403
    assert service.call(None, "POST", PATH, content=content).status_code == 401
    unsayable = service.call("lea", "POST", f"{PATH}?licence=%07", content=content)
    assert (unsayable.status_code, unsayable.json()["fields"][0]["field"]) == (422, "licence")
    wrong = service.call("lea", "POST", PATH, files={"other": ("a.csv", content)})
    assert (wrong.status_code, wrong.json()["fields"][0]["field"]) == (422, "file")
    monkeypatch.setattr(address_lists, "MOST_ADDRESSES", 1)
    assert service.call("lea", "POST", PATH, content=content).status_code == 413
    elsewhere = "/projects/flowers/batches/999/addresses"
    assert service.call("lea", "GET", elsewhere).status_code == 404
    again = service.call("lea", "POST", "/projects/flowers/batches/999/fetch-again", json={})
    assert again.status_code == 404
