"""Imports over REST, done by a worker in this process."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app.db.tables import Candidate, Category, Event, Example, Image, ImportRefusal
from app.domain.event import Verb
from app.domain.job import JobKind
from tests.api.service import Service, problem
from tests.factories import paint
from tests.imports.packing import as_json, flowers, tarred, zipped
from workers.runner import Workbench, forget_archives, run_one

Send = Callable[..., Any]


@pytest.fixture
def send(service: Service) -> Send:
    """Uploads an archive; gives the answer."""

    def post(archive: Any, name: str = "flowers.zip", who: str = "lea", **form: str) -> Any:
        path = "/projects/flowers/imports"
        return service.call(who, "POST", path, files={"file": (name, archive)}, data=form)

    return post


def work(service: Service) -> None:
    """Does what was sent to workers."""
    bench = Workbench(
        service.app.state.context.settings, service.sessions, service.blobs, service.jobs
    )
    while service.jobs.sent:
        job_id, kind = service.jobs.sent.pop()
        assert kind is JobKind.IMPORT_IMAGES
        run_one(bench, job_id)


def look(service: Service, number: int) -> Any:
    return service.call("lea", "GET", f"/projects/flowers/imports/{number}").json()


def dataset(service: Service) -> set[tuple[str, str, str]]:
    with service.sessions() as session:
        rows = session.execute(
            select(Image.sha256, Category.name, Example.split)
            .join(Example, Example.image_id == Image.id)
            .join(Category, Category.id == Example.category_id)
        )
        return {tuple(row) for row in rows}


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_image_folder_becomes_examples(service: Service, send: Send, pack: Any) -> None:
    answer = send(pack(flowers()), "flowers.zip" if pack is zipped else "flowers.tar")
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "running"
    work(service)
    done = look(service, answer.json()["id"])
    assert done["error"] is None
    assert (done["state"], done["done"], done["total"]) == ("done", 6, 6)
    assert (done["stored"], done["train"], done["test"]) == (6, 4, 2)
    assert done["categories_created"] == ["Alpine aster", "Spring gentian"]
    assert {(name, split) for _, name, split in dataset(service)} == {
        (name, split) for name in ("Alpine aster", "Spring gentian") for split in ("train", "test")
    }
    with service.sessions() as session:
        verbs = session.scalars(select(Event.verb).order_by(Event.id)).all()
    assert verbs == [Verb.IMPORT_IMAGES, Verb.CREATE_CATEGORY, Verb.CREATE_CATEGORY]


def test_a_dry_run_writes_nothing_and_can_be_changed_and_started(
    service: Service, send: Send
) -> None:
    files = flowers() | {"flowers/readme.txt": b"hello", "flowers/more.zip": b"PK"}
    told = send(zipped(files), start="false").json()
    assert told["state"] == "ready"
    assert told["preview"]["categories"] == [
        {"name": name, "new": True, "train": 2, "test": 1, "by_rule": 0}
        for name in ("Alpine aster", "Spring gentian")
    ]
    assert told["preview"]["problems"][0]["reason"] == "nested_archive"
    assert service.count(Example) == service.count(Image) == service.count(Category) == 0
    path = f"/projects/flowers/imports/{told['id']}"
    changed = service.call("lea", "PUT", path, json={"create_categories": False}).json()
    assert changed["preview"]["unknown"] == ["Alpine_aster", "Spring gentian"]
    assert changed["preview"]["reasons"] == {"nested_archive": 1, "unknown_category": 6}
    changed = service.call("lea", "PUT", path, json={"into": "pool"}).json()
    assert changed["preview"]["pool"] == 6
    assert service.call("lea", "POST", f"{path}/start").status_code == 200
    problem(service.call("lea", "POST", f"{path}/start"), 409, "wrong-state")
    problem(service.call("lea", "PUT", path, json={}), 409, "wrong-state")
    work(service)
    assert look(service, told["id"])["pool"] == 6
    assert service.count(Candidate) == 6


def test_the_report_names_each_file_and_why(service: Service, send: Send) -> None:
    good = paint(0, 1)
    files = {
        "pictures.csv": b"file,category,split,licence\n"
        b"a.jpg,Gentian,train,CC0\nb.jpg,Gentian,train,\nsame.jpg,Aster,train,\n"
        b"two.jpg,Aster,,\ntwo.jpg,Gentian,,\nmissing.jpg,Aster,,\nnone.jpg,,,\ntext.jpg,Aster,,\n",
        "a.jpg": good,
        "b.jpg": paint(0, 2),
        "same.jpg": good,
        "two.jpg": paint(0, 3),
        "none.jpg": paint(0, 4),
        "text.jpg": b"<html>not found",
    }
    made = send(zipped(files)).json()
    work(service)
    done = look(service, made["id"])
    assert done["format"] == "csv"
    assert {each["filename"]: each["reason"] for each in done["refusals"]} == {
        "missing.jpg": "not_in_archive",
        "two.jpg": "several_categories",
        "none.jpg": "no_category",
        "same.jpg": "another_category",
        "text.jpg": "not_an_image",
    }
    assert sum(done["reasons"].values()) == 5
    assert (done["stored"], done["conflict"], done["rejected"]) == (2, 1, 1)
    again = send(zipped(files)).json()
    work(service)
    done = look(service, again["id"])
    assert (done["stored"], done["duplicate"]) == (0, 2)
    listed = service.call("lea", "GET", "/projects/flowers/imports").json()
    assert [each["id"] for each in listed] == [again["id"], made["id"]]


def test_an_archive_is_deleted_when_its_import_is_over(service: Service, send: Send) -> None:
    made = send(zipped(flowers())).json()
    waiting = send(zipped(flowers()), start="false").json()
    folder = service.blobs_dir / "imports"
    assert len(list(folder.iterdir())) == 2
    work(service)
    context = service.app.state.context
    forget_archives(Workbench(context.settings, service.sessions, service.blobs, service.jobs))
    assert len(list(folder.iterdir())) == 1
    path = f"/projects/flowers/imports/{waiting['id']}/cancel"
    assert service.call("lea", "POST", path).json()["state"] == "cancelled"
    forget_archives(Workbench(context.settings, service.sessions, service.blobs, service.jobs))
    assert list(folder.iterdir()) == []
    assert look(service, made["id"])["state"] == "done"


def test_a_cancelled_import_keeps_what_it_stored_and_its_message_does_nothing(
    service: Service, send: Send
) -> None:
    made = send(zipped(flowers())).json()
    service.call("lea", "POST", f"/projects/flowers/imports/{made['id']}/cancel")
    work(service)
    assert look(service, made["id"])["state"] == "cancelled"
    assert service.count(Example) == 0


def test_only_leads_of_the_project_import(service: Service, send: Send) -> None:
    made = send(zipped(flowers()), start="false").json()
    problem(send(zipped(flowers()), who="ben"), 403, "forbidden")
    problem(send(zipped(flowers()), who="olga"), 404, "not-found")
    other = f"/projects/birds/imports/{made['id']}"
    problem(service.call("olga", "GET", other), 404, "not-found")
    problem(service.call("olga", "POST", f"{other}/start"), 404, "not-found")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04broken", b"7z\xbc\xaf\x27\x1c...."])
def test_what_is_no_archive_is_refused_and_not_kept(
    service: Service, send: Send, content: bytes
) -> None:
    problem(send(io.BytesIO(content)), 422, "import-refused")
    assert not (service.blobs_dir / "imports").exists()


def test_an_archive_may_be_larger_than_a_request(send: Send) -> None:
    files = {f"Gentian/{index}.bin": bytes(300_000) for index in range(7)}
    answer = send(zipped({"Gentian/a.jpg": paint(0, 0)} | files))
    assert answer.status_code == 201, answer.text


def test_a_thousand_refusals_are_kept_by_name_and_all_are_counted(
    service: Service, send: Send
) -> None:
    lines = "".join(f"{index}.jpg,Gentian\n" for index in range(1100))
    files = {"a.csv": f"file,label\n{lines}".encode(), "0.jpg": paint(0, 0)}
    made = send(zipped(files, zipfile.ZIP_DEFLATED)).json()
    work(service)
    done = look(service, made["id"])
    assert done["reasons"] == {"not_in_archive": 1099}
    assert service.count(ImportRefusal) == len(done["refusals"]) == 1000


def test_coco_with_the_chosen_format(service: Service, send: Send) -> None:
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "license": 3}, {"id": 2, "file_name": "b.jpg"}],
        "annotations": [
            {"image_id": 1, "category_id": 7},
            {"image_id": 1, "category_id": 7},
            {"image_id": 2, "category_id": 7},
            {"image_id": 2, "category_id": 8},
        ],
        "categories": [{"id": 7, "name": "Gentian"}, {"id": 8, "name": "Aster"}],
        "licenses": [{"id": 3, "name": "CC0"}],
    }
    files = {"a.json": as_json(document), "x/a.jpg": paint(0, 0), "x/b.jpg": paint(0, 1)}
    made = send(zipped(files), format="coco", split="test").json()
    work(service)
    done = look(service, made["id"])
    assert (done["test"], done["reasons"]) == (1, {"several_categories": 1})
    problem(send(zipped(files), format="labelstudio"), 422, "import-refused")
