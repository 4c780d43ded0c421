"""Batches over REST: what came together, who may look, where its pictures stand."""

import pytest
from sqlalchemy import func, select, update

from app.db.tables import Batch, Candidate, Example, Image, Job, Negative
from app.domain.access import Scope
from app.domain.job import JobKind
from tests import factories
from tests.api.service import Service, problem
from tests.factories import paint

BATCHES = "/projects/flowers/batches"


def opened(service: Service, who: str = "lea", name: str = "alps") -> int:
    answer = service.call(who, "POST", BATCHES, json={"name": name})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_a_batch_reports_what_came_and_where_it_stands_now(service: Service) -> None:
    number = opened(service)
    files = [(f"{index}.jpg", paint(5, index)) for index in range(7)]
    sent = service.upload("/images", *files, ("x.jpg", b"<html>"), batch=str(number)).json()
    assert (sent["batch"], sent["stored"], sent["rejected"]) == (number, 7, 1)
    again = service.upload("/images", files[0], ("y.jpg", b""), batch=str(number)).json()
    assert (again["duplicate"], again["rejected"]) == (1, 1)
    stand = ["open", "open", "open", "near_duplicate", "quarantined", "new", "new"]
    with service.transaction() as session:
        ids = session.scalars(select(Candidate.image_id).order_by(Candidate.image_id)).all()
        for image_id, standing in zip(ids, stand, strict=True):
            of = Candidate.image_id == image_id
            session.execute(update(Candidate).where(of).values(standing=standing, domain_score=0.9))
        # Below the threshold: one that is open, and one that another image speaks for.
        low = Candidate.image_id.in_((ids[2], ids[3]))
        session.execute(update(Candidate).where(low).values(domain_score=0.4999))
    told = service.call("lea", "GET", f"{BATCHES}/{number}").json()
    assert told["pool"] == {
        "open": 2, "new": 2, "near_duplicate": 1, "quarantined": 1, "filtered": 1,
    }  # fmt: skip
    assert (told["received"], told["stored"], told["duplicate"], told["rejected"]) == (10, 7, 1, 2)
    assert told["reasons"] == {"not_an_image": 1, "empty": 1}
    assert (told["kind"], told["state"], told["login"], told["examples"]) == (
        "upload", "open", "lea", 0,
    )  # fmt: skip
    with service.transaction() as session:
        session.execute(update(Candidate).values(domain_score=None))
        category = factories.make_pool(
            session, service.blobs, service.project("flowers"), candidates=0
        )[0]
        image = session.get_one(Image, ids[0])
        factories.make_example(session, image, category)
        session.delete(session.get_one(Candidate, ids[0]))
        session.delete(session.get_one(Candidate, ids[1]))
        session.add(Negative(image_id=ids[1], project_id=image.project_id, origin="marked"))
    told = service.call("lea", "GET", f"{BATCHES}/{number}").json()
    # Each of the seven is somewhere.
    assert (sum(told["pool"].values()), told["examples"], told["negatives"]) == (5, 1, 1)
    assert told["pool"]["filtered"] == 0
    with service.sessions() as session:
        assert session.scalars(select(func.count()).select_from(Example)).one() == 3


def test_refused_files_are_told_in_pages_in_the_order_they_came(service: Service) -> None:
    files = [(f"{index}.jpg", b"no picture") for index in range(5)]
    number = service.upload("/images", *files).json()["batch"]
    path, names, after = f"{BATCHES}/{number}/refusals", [], None
    while True:
        query = {"limit": 2} | ({} if after is None else {"after": after})
        page = service.call("lea", "GET", path, params=query).json()
        names += [each["filename"] for each in page["refusals"]]
        after = page["next"]
        if after is None:
            break
    assert names == [name for name, _ in files]
    assert {each["reason"] for each in page["refusals"]} == {"not_an_image"}


def test_batches_are_listed_in_pages_the_newest_first(service: Service) -> None:
    made = [opened(service, name=f"batch {index}") for index in range(5)]
    first = service.call("lea", "GET", BATCHES, params={"limit": 3}).json()
    rest = service.call("lea", "GET", BATCHES, params={"limit": 3, "before": first["next"]}).json()
    assert [each["id"] for each in first["batches"] + rest["batches"]] == made[::-1]
    assert rest["next"] is None


def test_a_crawler_sees_its_own_batches_and_leads_see_all(service: Service) -> None:
    one, other = (service.token("lea", Scope.INGEST) for _ in range(2))
    own, foreign = opened(service, one), opened(service, other)
    assert [each["id"] for each in service.call(one, "GET", BATCHES).json()["batches"]] == [own]
    assert service.call(one, "GET", f"{BATCHES}/{own}").json()["name"] == "alps"
    for path in (f"{BATCHES}/{foreign}", f"{BATCHES}/{foreign}/refusals"):
        problem(service.call(one, "GET", path), 404, "not-found")
    problem(service.call(one, "POST", f"{BATCHES}/{foreign}/finish"), 404, "not-found")
    problem(
        service.upload("/images", ("a.jpg", paint(5, 1)), who=one, batch=str(foreign)),
        404,
        "not-found",
    )
    assert service.count(Image) == 0
    assert len(service.call("lea", "GET", BATCHES).json()["batches"]) == 2
    problem(service.call("ben", "GET", BATCHES), 403, "forbidden")
    for method, path in (
        ("GET", f"/projects/birds/batches/{own}"),
        ("GET", f"/projects/birds/batches/{own}/refusals"),
        ("POST", f"/projects/birds/batches/{own}/finish"),
        ("POST", f"/projects/birds/batches/{own}/cancel"),
    ):
        problem(service.call("olga", method, path), 404, "not-found")
    assert service.call("olga", "GET", "/projects/birds/batches").json()["batches"] == []


@pytest.mark.parametrize("named", [True, False])
def test_a_finished_upload_takes_no_more(service: Service, *, named: bool) -> None:
    first = ("a.jpg", paint(5, 1))
    form = {"batch": str(opened(service))} if named else {}
    number = service.upload("/images", first, **form).json()["batch"]
    done = service.call("lea", "POST", f"{BATCHES}/{number}/finish").json()
    assert done["state"] == "done"
    assert done["finished_at"]
    problem(service.call("lea", "POST", f"{BATCHES}/{number}/finish"), 409, "wrong-state")
    refused = service.upload("/images", ("b.jpg", paint(5, 2)), batch=str(number))
    problem(refused, 409, "wrong-state")
    assert service.count(Image) == 1
    # Without a name, what comes later on the day begins another.
    later = service.upload("/images", ("b.jpg", paint(5, 2))).json()["batch"]
    assert later != number


def test_what_a_worker_does_can_be_cancelled(service: Service) -> None:
    with service.transaction() as session:
        batch = factories.make_batch(session, service.project("flowers"))
        session.add(Job(kind=JobKind.INGEST_ARCHIVE, batch_id=batch.id, state="queued"))
    path = f"{BATCHES}/{batch.id}/cancel"
    assert service.call("lea", "POST", path).json()["state"] == "cancelled"
    problem(service.call("lea", "POST", path), 409, "wrong-state")
    problem(service.call("lea", "POST", f"{BATCHES}/{opened(service)}/cancel"), 409, "wrong-state")
    with service.sessions() as session:
        assert session.scalars(select(Job.state)).all() == ["cancelled"]
        assert session.get_one(Batch, batch.id).finished_at is not None
