"""Lists of addresses on their whole way: sent, fetched from a real host, counted, fetched again."""

import io
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from app.blobs import FolderBlobs
from app.db.session import database_now
from app.db.tables import (
    Address,
    Batch,
    BatchImage,
    BatchRefusal,
    Candidate,
    Image,
    Job,
    Project,
    Source,
    WebHost,
)
from app.domain.errors import InvalidError, TransitionError
from app.domain.job import JobKind
from app.domain.outbound import PrivateHosts
from app.domain.takedown import named
from app.imports.addresses import read_addresses
from app.jobs import CeleryJobs, make_celery
from app.usecases.people import Principal
from app.usecases.pool.address_lists import Received, fetch_again, receive_addresses
from app.usecases.takedowns import take_down as takedowns
from app.usecases.takedowns.admit import SENTENCES
from app.usecases.takedowns.tombstones import Asked
from tests import factories
from tests.factories import paint
from tests.memory_jobs import MemoryJobs
from tests.picture_host import Page, PictureHost, picture_host, to
from tests.workers.factory import Factory, eventually
from vetted.embedded.valkey import Valkey
from workers.runner import Workbench, reconcile_once, run_one


@pytest.fixture
def host() -> Iterator[PictureHost]:
    with picture_host() as made:
        yield made


@pytest.fixture
def place(alone: Factory) -> Factory:
    alone.settings = alone.settings.model_copy(
        update={"private_hosts": "127.0.0.1", "fetch_pause": 0.0, "fetch_at_once": 8}
    )
    with alone.transaction() as session:
        factories.make_project(session, session.get_one(factories.User, alone.lead), "flowers")
    return alone


@pytest.fixture
def work(place: Factory) -> Callable[[], None]:
    """Do the list's job, as a worker would."""
    blobs = FolderBlobs(place.settings.data_dir / "blobs")
    bench = Workbench(place.settings, place.sessions, blobs, MemoryJobs())

    def once() -> None:
        with place.sessions() as session:
            job_id = session.scalars(select(Job.id)).one()
        run_one(bench, job_id)

    return once


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def send(place: Factory, content: bytes) -> Received:
    """As the route does it, without the second that a web service takes to start."""
    rows = read_addresses(io.BytesIO(content), PrivateHosts.of("127.0.0.1"))
    with place.transaction() as session:
        project = session.scalars(select(Project)).one()
        caller = Principal(place.lead, "lea", "Lea", may_create_projects=True, scopes=frozenset())
        return receive_addresses(session, project, caller, "addresses", rows)


def again(place: Factory, *reasons: str) -> int:
    """Have it fetched again; gives how many addresses that are."""
    with place.transaction() as session:
        batch = session.scalars(select(Batch)).one()
        now = database_now(session)
        return fetch_again(session, batch, place.lead, reasons or None, now)[1]


def batch_of(place: Factory) -> Batch:
    with place.sessions() as session:
        return session.scalars(select(Batch)).one()


def job_of(place: Factory) -> Job:
    with place.sessions() as session:
        return session.scalars(select(Job)).one()


def addresses(place: Factory) -> dict[str, Address]:
    with place.sessions() as session:
        return {each.url: each for each in session.scalars(select(Address))}


def be_due(place: Factory) -> None:
    """As if the time that the list gives its hosts and addresses had passed."""
    with place.transaction() as session:
        session.execute(update(Address).values(due_at=database_now(session)))
        session.execute(update(WebHost).values(next_at=database_now(session)))


def test_a_list_is_fetched_counted_and_asked_about_the_next_time(
    place: Factory, host: PictureHost, work: Callable[[], None]
) -> None:
    first, second = paint(1, 1), paint(1, 2)
    host.pages |= {
        "/one.jpg": Page(first, headers={"ETag": '"one"'}),
        "/same.jpg": to("/one.jpg"),
        "/two.jpg": Page(second),
        "/page.jpg": Page(b"<html>", headers={"Content-Type": "text/html"}),
        "/cut.jpg": Page(first[:-40]),
    }
    rows = [
        {"url": host.url("/one.jpg"), "tags": ["alps"], "author": "Ann", "licence": "CC BY 4.0"},
        {"url": host.url("/one.jpg#again")},
        *({"url": host.url(f"/{name}.jpg")} for name in ("same", "two", "page", "cut", "none")),
        {"url": "http://10.0.0.1/a.jpg"},
        {"url": host.url("/a.jpg"), "author": ""},
        {"url": "ftp://example.org/"},
    ]
    sent = send(place, lines(*rows) + b"no json\n")
    assert (sent.addresses, sent.refused, sent.repeated) == (7, 3, 1)
    assert (batch_of(place).state, batch_of(place).total, batch_of(place).done) == ("queued", 10, 3)
    work()
    batch = batch_of(place)
    assert (batch.state, batch.error, batch.done, batch.total) == ("done", None, 10, 10)
    counts = (batch.received, batch.stored, batch.duplicate, batch.rejected)
    assert counts == (10, 2, 1, 7)
    assert batch.reasons == {
        "invalid_url": 2, "invalid_row": 1, "not_an_image": 1, "truncated": 1, "not_found": 2
    }  # fmt: skip
    with place.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Candidate)) == 2
        assert session.scalar(select(func.count()).select_from(BatchImage)) == 2
        told = Counter(session.scalars(select(BatchRefusal.reason)))
        assert told == batch.reasons
        source = session.scalars(select(Source).where(Source.author == "Ann")).one()
        assert (source.url, source.tags, source.licence) == (
            host.url("/one.jpg"), ["alps"], "CC BY 4.0"
        )  # fmt: skip
    assert sorted(Counter(host.paths()).values()) == [1, 1, 1, 1, 1, 1, 2]
    # The same once more: the host says that it has not changed, and sends nothing.
    host.pages["/one.jpg"] = Page(status=304)
    with place.transaction() as session:
        session.execute(update(Batch).values(name="the first"))
        session.delete(session.scalars(select(Job)).one())
    send(place, lines({"url": host.url("/one.jpg"), "author": "Bea"}))
    work()
    assert host.asked[-1].headers["if-none-match"] == '"one"'
    with place.sessions() as session:
        again = session.scalars(select(Batch).where(Batch.name == "addresses")).one()
        assert (again.state, again.duplicate, again.received) == ("done", 1, 1)
        assert set(session.scalars(select(Source.author))) == {"Ann", "Bea", None}


def test_passing_troubles_are_tried_again_after_a_while_and_definite_ones_never(
    place: Factory, host: PictureHost, work: Callable[[], None]
) -> None:
    picture = paint(2, 1)
    host.pages |= {
        "/soon.jpg": [Page(status=500), Page(picture)],
        "/gone.jpg": Page(status=410),
        "/never.jpg": Page(status=500),
    }
    send(place, lines(*({"url": host.url(path)} for path in host.pages)))
    work()
    # Nothing is due for a while: the worker is free, and the job comes back when something is.
    assert (job_of(place).state, batch_of(place).state, batch_of(place).done) == (
        "queued",
        "running",
        1,
    )
    with place.sessions() as session:
        now = database_now(session)
    waiting = addresses(place)[host.url("/soon.jpg")]
    assert (waiting.tries, waiting.reason) == (1, "server_error")
    assert timedelta(seconds=10) < waiting.due_at - now < timedelta(seconds=25)
    assert job_of(place).sent_at is not None
    assert abs(job_of(place).sent_at - waiting.due_at) < timedelta(seconds=30)  # type: ignore[operator]
    for _ in range(4):
        be_due(place)
        work()
    batch = batch_of(place)
    assert (batch.state, batch.stored, batch.reasons) == ("done", 1, {"gone": 1, "server_error": 1})
    assert Counter(host.paths()) == {"/soon.jpg": 2, "/gone.jpg": 1, "/never.jpg": 5}
    # A lead has it tried once more, and now it is there.
    host.pages["/never.jpg"] = Page(paint(2, 2))
    with pytest.raises(InvalidError):
        again(place, "timed_out")
    assert again(place, "server_error") == 1
    with pytest.raises(TransitionError):
        again(place)
    work()
    batch = batch_of(place)
    assert (batch.state, batch.stored, batch.rejected, batch.done) == ("done", 2, 1, 3)
    assert (batch.received, batch.reasons) == (3, {"gone": 1})
    left = addresses(place)[host.url("/gone.jpg")]
    assert (left.state, left.reason, left.tries) == ("rejected", "gone", 1)


def test_a_host_that_has_enough_is_left_alone_for_as_long_as_it_asks(
    place: Factory, host: PictureHost, work: Callable[[], None]
) -> None:
    busy = Page(status=429, headers={"Retry-After": "3600"})
    paths = [f"/{index}.jpg" for index in range(12)]
    host.pages |= {path: Page(paint(3, index)) for index, path in enumerate(paths)}
    host.pages["/1.jpg"] = [busy, Page(paint(3, 1))]
    with picture_host() as other:
        other.pages["/other.jpg"] = Page(paint(4, 1))
        urls = [*map(host.url, paths), other.url("/other.jpg")]
        send(place, "\n".join(["url", *urls]).encode())
        work()
        assert other.paths() == ["/other.jpg"]
    assert len(host.paths()) <= 4  # two at a time
    with place.sessions() as session:
        known = session.get_one(WebHost, f"127.0.0.1:{host.port}")
        wait = known.next_at - database_now(session)
    assert timedelta(minutes=59) < wait < timedelta(minutes=61)
    assert (known.failures, known.reason) == (1, "too_many_requests")
    assert job_of(place).state == "queued"
    be_due(place)
    work()
    assert (batch_of(place).state, batch_of(place).stored) == ("done", 13)
    with place.sessions() as session:
        assert session.get_one(WebHost, f"127.0.0.1:{host.port}").failures == 0


def test_a_host_that_nobody_reaches_is_given_up_for_all_its_addresses(
    place: Factory, work: Callable[[], None]
) -> None:
    with picture_host() as gone:
        pass
    urls = [gone.url(f"/{index}.jpg") for index in range(540)]
    send(place, "\n".join(["url", *urls]).encode())
    for _ in range(5):
        assert batch_of(place).state in {"queued", "running"}
        work()
        with place.transaction() as session:
            if session.get_one(WebHost, f"127.0.0.1:{gone.port}").failures < 5:
                session.execute(update(WebHost).values(next_at=database_now(session)))
                session.execute(update(Address).values(due_at=database_now(session)))
    batch = batch_of(place)
    assert (batch.state, batch.done, batch.rejected) == ("done", 540, 540)
    assert batch.reasons == {"unreachable": 540}


def test_what_was_taken_down_is_not_asked_for(
    place: Factory, host: PictureHost, work: Callable[[], None]
) -> None:
    host.pages |= {"/a.jpg": Page(paint(1, 1)), "/b.jpg": Page(status=500), "/c.jpg": to("/a.jpg")}
    blobs = FolderBlobs(place.settings.data_dir / "blobs")

    def take_down(url: str) -> None:
        with place.transaction() as session:
            project = session.scalars(select(Project)).one()
            asked = Asked(named(url), "The author asks.", place.lead)
            takedowns.take_down(session, blobs, project, asked, database_now(session))

    take_down(host.url("/a.jpg").replace("http", "HTTP"))
    send(place, lines({"url": host.url("/a.jpg?#x")}))
    work()
    assert batch_of(place).reasons == {"taken_down": 1}
    # Not even whether it may be asked for.
    assert host.asked == []
    with place.transaction() as session:
        session.execute(delete(Job))
        session.execute(delete(Batch))
    # One that waits for another try, and one that leads to what was taken down.
    send(place, lines(*({"url": host.url(path)} for path in host.pages)))
    work()
    assert (host.paths(), batch_of(place).done) == (["/b.jpg", "/c.jpg"], 2)
    take_down(host.url("/b.jpg"))
    be_due(place)
    work()
    assert host.paths() == ["/b.jpg", "/c.jpg"]
    assert (batch_of(place).state, batch_of(place).reasons) == ("done", {"taken_down": 3})
    with place.sessions() as session:
        told = session.scalars(select(BatchRefusal.detail).distinct()).all()
    assert told == [SENTENCES["taken_down"]]


def test_hosts_are_spared_whatever_is_fetched_at_once(place: Factory, host: PictureHost) -> None:
    place.settings = place.settings.model_copy(update={"fetch_pause": 0.1})
    paths = [f"/{index}.jpg" for index in range(10)]
    host.pages |= {path: Page(paint(5, index)) for index, path in enumerate(paths)}
    blobs = FolderBlobs(place.settings.data_dir / "blobs")
    send(place, "\n".join(["url", *map(host.url, paths)]).encode())
    run_one(Workbench(place.settings, place.sessions, blobs, MemoryJobs()), job_of(place).id)
    assert batch_of(place).stored == 10
    times = [each.at for each in host.asked]
    assert len(times) == 11  # with robots.txt
    # The first may be late and the others in time, but not all of them early.
    assert times[-1] - times[0] > 8 * 0.1
    assert host.most <= 2


@pytest.mark.slow
def test_a_worker_that_is_killed_fetches_nothing_twice_that_was_stored(
    place: Factory, host: PictureHost, valkey_server: Valkey
) -> None:
    place.settings = place.settings.model_copy(
        update={"broker_url": valkey_server.url, "fetch_pause": 0.005}
    )
    count = 300
    host.pages |= {f"/{index}.jpg": Page(paint(6, index)) for index in range(count)}
    urls = [host.url(f"/{index}.jpg") for index in range(count)]
    send(place, "\n".join(["url", *urls]).encode())
    jobs = CeleryJobs(make_celery(valkey_server.url))
    blobs = FolderBlobs(place.settings.data_dir / "blobs")
    bench = Workbench(place.settings, place.sessions, blobs, jobs)
    jobs.send(job_of(place).id, JobKind.FETCH_ADDRESSES)
    done = 0
    for _ in range(2):
        worker = place._worker("ingest", "--pool=threads", "--concurrency=1")
        place.others.append(worker)
        done = eventually(lambda before=done: further(place, before, count))
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        with place.sessions() as session:
            stored = set(session.scalars(select(Address.url).where(Address.state != "waiting")))
        before = len(host.asked)
        place.let_lapse(job_of(place).id)
        reconcile_once(bench)
    try:
        place.others.append(place._worker("ingest", "--pool=threads", "--concurrency=1"))
        eventually(lambda: batch_of(place).state != "running")
    finally:
        place.stop()
    batch = batch_of(place)
    assert (batch.state, batch.error, batch.stored, batch.done) == ("done", None, count, count)
    assert (batch.received, batch.duplicate, batch.rejected) == (count, 0, 0)
    later = {host.url(each.path) for each in host.asked[before:]}
    assert not later & stored
    with place.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Image)) == count


def further(place: Factory, before: int, count: int) -> int:
    done = batch_of(place).done
    assert done < count, "it was too quick to be hit"
    return done if done > before else 0
