"""What a takedown leaves behind: nothing of the picture, and all that was written down about it."""

import io
import json
import tarfile
import zipfile
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from app.db.session import database_now
from app.db.tables import (
    Category,
    DatasetVersion,
    Example,
    HardNegative,
    Image,
    NearDuplicate,
    RoundMap,
)
from app.domain.category_change import Part, Rest
from app.domain.embedding_map import HASH_BYTES, column_at, images_key, points_key
from app.export.formats import Format
from app.usecases.categories.merge import merge_categories
from app.usecases.categories.split import split_category
from app.usecases.categories.undo import undo_change
from app.usecases.dataset.freeze_dataset import hash_of_rows
from tests import factories
from tests.api.service import Service
from tests.api.test_export import grow
from tests.db.test_takedown_races import files_of

BASE = "/projects/flowers"


@pytest.fixture
def grown(labeling: Service) -> Service:
    """Two versions of two categories."""
    grow(labeling)
    return labeling


def ask(service: Service, method: str, path: str, **rest: Any) -> Any:
    answered = service.call("lea", method, f"{BASE}{path}", **rest)
    assert answered.is_success, answered.text
    return answered.json()


def take_down(service: Service, what: str, **more: Any) -> Any:
    return ask(service, "POST", "/takedowns", json={"what": what, "reason": "a request", **more})


def an_example(service: Service) -> str:
    """The first example of version 1."""
    with service.sessions() as session:
        return session.scalars(
            select(Image.sha256)
            .join(Example, Example.image_id == Image.id)
            .where(Example.from_version == 1)
            .order_by(Example.id)
        ).first()  # type: ignore[return-value]


def exported(service: Service, number: int, kind: str) -> bytes:
    """All that a format says, unpacked; its name tells of one picture that was taken down."""
    answer = service.call("lea", "GET", f"{BASE}/export?version={number}&format={kind}")
    assert answer.status_code == 200, answer.text
    assert "-1-taken-down." in answer.headers["content-disposition"], kind
    content = io.BytesIO(answer.content)
    if kind == Format.PARQUET:
        table = pq.read_table(content)
        return repr([table.to_pylist(), table.schema.metadata]).encode()
    if zipfile.is_zipfile(content):
        with zipfile.ZipFile(content) as archive:
            return b"\n".join(each.encode() + archive.read(each) for each in archive.namelist())
    if kind in {Format.IMAGE_FOLDER_TAR, Format.WEB_DATASET}:
        content.seek(0)
        with tarfile.open(fileobj=content) as archive:
            return b"\n".join(
                each.name.encode() + archive.extractfile(each).read()  # type: ignore[union-attr]
                for each in archive
                if each.isfile()
            )
    return answer.content


def test_an_example_leaves_every_version_and_no_hash_changes(grown: Service) -> None:
    picture = an_example(grown)
    path = f"/images/{picture}"
    with grown.sessions() as session:
        before = {
            each.number: each.content_hash for each in session.scalars(select(DatasetVersion))
        }
    link = f"http://testserver/api/v1{BASE}{path}/original"
    previewed = ask(grown, "GET", "/takedowns/preview", params={"what": link})
    assert previewed["kind"] == "picture"
    assert previewed["effect"]["images"] == previewed["effect"]["examples"] == 1
    assert previewed["effect"]["versions"] == 2
    made = take_down(grown, link)
    assert made["effect"] == previewed["effect"]
    assert (made["made_by"], made["key"], made["everywhere"]) == ("lea", picture, False)
    assert files_of(grown.data_dir, picture) == []
    for of in (path, f"{path}/thumbnail", f"{path}/original"):
        gone = grown.call("lea", "GET", f"{BASE}{of}")
        assert (gone.status_code, gone.json()["type"]) == (410, "urn:vetted:taken-down")
    versions = ask(grown, "GET", "/versions")
    assert [each["number"] for each in versions] == [3, 2, 1]
    assert {each["number"]: each["content_hash"] for each in versions[1:]} == before
    with grown.sessions() as session:
        for version in session.scalars(select(DatasetVersion)):
            assert hash_of_rows(session, version) == version.content_hash
    assert [ask(grown, "GET", f"/versions/{number}")["taken_down"] for number in (1, 2, 3)] == [
        1, 1, 0,
    ]  # fmt: skip
    for kind in Format:
        content = exported(grown, 1, kind)
        assert picture.encode() not in content, kind
        assert an_example_that_is_left(grown, picture).encode() in content, kind
        if kind not in {Format.CSV, Format.JSON_LINES}:
            assert b"taken_down" in content or b"Taken down" in content, kind
    difference = ask(grown, "GET", "/versions/3/diff", params={"since": 2})
    assert [(each["change"], each["taken_down"]) for each in difference["pictures"]] == [
        ("removed", True)
    ]


def an_example_that_is_left(service: Service, gone: str) -> str:
    with service.sessions() as session:
        return session.scalars(
            select(Image.sha256)
            .join(Example, Example.image_id == Image.id)
            .where(Example.from_version == 1, Image.sha256 != gone)
            .order_by(Example.id)
        ).first()  # type: ignore[return-value]


def test_going_back_brings_everything_back_but_what_was_taken_down(grown: Service) -> None:
    picture = an_example(grown)
    take_down(grown, picture)
    effect = ask(grown, "GET", "/versions/1/rollback")
    assert (effect["examples_return"], effect["from_pool"]) == (0, 0)
    with grown.sessions() as session:
        accepted = session.scalars(
            select(Image.sha256)
            .join(Example, Example.image_id == Image.id)
            .where(Example.round_id.is_not(None))
        ).all()
    made = ask(grown, "POST", "/versions/1/rollback")
    assert made["number"] == 4
    again = ask(grown, "POST", "/versions/2/rollback")
    with grown.sessions() as session:
        held = session.scalars(
            select(Image.sha256)
            .join(Example, Example.image_id == Image.id)
            .where(Example.to_version.is_(None))
        ).all()
    assert picture not in held
    assert set(accepted) <= set(held)
    versions = {each["number"]: each for each in ask(grown, "GET", "/versions")}
    # The same as version 3, which had it no more.
    assert again["content_hash"] == versions[3]["content_hash"]
    # What it had taught is gone for good; what is left can be exported.
    assert ask(grown, "GET", f"/versions/{again['number']}")["taken_down"] == 0


@pytest.mark.parametrize("kind", ["merge", "split"])
def test_a_change_of_categories_is_undone_without_it(grown: Service, kind: str) -> None:
    project = grown.project("flowers")
    with grown.transaction() as session:
        ids = session.scalars(select(Category.id).order_by(Category.id)).all()
        pictures = session.scalars(
            select(Image.sha256)
            .join(Example, Example.image_id == Image.id)
            .where(Example.category_id == ids[0], Example.to_version.is_(None))
            .order_by(Example.id)
        ).all()
        if kind == "merge":
            change = merge_categories(session, project, ids[0], ids[1], project.created_by)
        else:
            parts = (
                Part("Early", (pictures[0],)),
                Part("Late", tuple(pictures[1:3])),
            )
            change = split_category(session, project, ids[0], parts, Rest.ASK, project.created_by)
        change_id = change.id
    take_down(grown, pictures[0])
    with grown.transaction() as session:
        undo_change(session, project, change_id, project.created_by, database_now(session))
    with grown.sessions() as session:
        back = session.scalars(
            select(Image.sha256)
            .join(Example, Example.image_id == Image.id)
            .where(Example.category_id == ids[0], Example.to_version.is_(None))
        ).all()
    assert set(back) == set(pictures[1:])


def test_who_labels_sees_it_nowhere_and_the_map_has_a_point_less(labeling: Service) -> None:
    assert labeling.labeling is not None
    with labeling.transaction() as session:
        held = session.get_one(Image, shown_first(labeling))
        places = [(float(place), 0.0) for place in range(12)]
        factories.make_map(session, labeling.blobs, labeling.labeling, places)
    lease = {"client": "tab", "count": 3}
    before = labeling.call("ben", "POST", f"{BASE}/proposals/lease", json=lease).json()
    assert held.sha256 in before["images"]
    with labeling.sessions() as session:
        old = session.scalars(select(RoundMap)).one()
    take_down(labeling, held.sha256)
    after = labeling.call("ben", "POST", f"{BASE}/proposals/lease", json=lease).json()
    assert held.sha256 not in json.dumps(after)
    assert len(after["proposals"]) == 3
    with labeling.sessions() as session:
        found = session.scalars(select(RoundMap)).one()
    assert (old.points, found.points) == (12, 11)
    images = labeling.blobs.get(images_key(found.images_hash))
    assert len(images) == 11 * HASH_BYTES
    assert bytes.fromhex(held.sha256) not in images
    points = labeling.blobs.get(points_key(found.points_hash))
    first = column_at("image", 11)
    assert held.id not in memoryview(points[first : first + 44]).cast("I").tolist()
    assert not labeling.blobs.exists(images_key(old.images_hash))
    assert ask(labeling, "GET", "/rounds/1/map")["points"] == 11


def shown_first(service: Service) -> int:
    with service.sessions() as session:
        return session.scalars(select(Example.image_id).order_by(Example.id)).first()  # type: ignore[return-value]


def test_a_hard_negative_and_its_decision(grown: Service) -> None:
    with grown.sessions() as session:
        of = session.scalars(select(HardNegative).order_by(HardNegative.id)).first()
        assert of is not None
        picture = session.get_one(Image, of.image_id).sha256
    effect = take_down(grown, picture)["effect"]
    assert (effect["hard_negatives"], effect["examples"], effect["candidates"]) == (1, 0, 1)
    assert picture not in json.dumps(ask(grown, "GET", "/hard-negatives"))
    recent = grown.call("ben", "GET", f"{BASE}/decisions").json()
    assert picture not in json.dumps(recent)


def test_takedowns_are_listed_lifted_and_written_down(service: Service) -> None:
    address = "https://example.org/a.jpg"
    refused = service.call(
        "lea", "POST", f"{BASE}/takedowns", json={"what": "a.jpg", "reason": "x"}
    )
    assert (refused.status_code, refused.json()["fields"][0]["field"]) == (422, "what")
    refused = service.call(
        "lea", "POST", f"{BASE}/takedowns", json={"what": address, "reason": " "}
    )
    assert refused.json()["fields"][0]["field"] == "reason"
    made = take_down(service, address)
    twice = service.call(
        "lea", "POST", f"{BASE}/takedowns", json={"what": f"{address}#top", "reason": "x"}
    )
    assert twice.status_code == 422
    picture = factories.paint(0, 1)
    answer = service.upload("/images", ("a.jpg", picture), sources=[{"url": address}])
    found = answer.json()["images"][0]
    assert (found["outcome"], found["reason"]) == ("rejected", "taken_down")
    assert files_of(service.data_dir, found["sha256"]) == []
    assert address not in json.dumps(ask(service, "GET", "/events"))
    lifted = ask(service, "POST", f"/takedowns/{made['id']}/lift")
    assert (lifted["lifted_by"], lifted["made_by"]) == ("lea", "lea")
    assert [each["id"] for each in ask(service, "GET", "/takedowns")] == [made["id"]]
    answer = service.upload("/images", ("a.jpg", picture), sources=[{"url": address}])
    assert answer.json()["stored"] == 1
    verbs = [each["verb"] for each in ask(service, "GET", "/events")["events"]]
    assert verbs[:2] == ["lift-takedown", "take-down"]
    # Of a project of others, a takedown is not there.
    other = service.call("olga", "POST", f"/projects/birds/takedowns/{made['id']}/lift")
    assert other.status_code == 404


def test_near_duplicates_go_along_where_that_is_asked(service: Service) -> None:
    project = service.project("flowers")
    with service.transaction() as session:
        images = [
            factories.make_image(session, service.blobs, project, factories.paint(1, index))
            for index in range(4)
        ]
        # The last one is another photograph, a lead has said.
        session.add_all(
            NearDuplicate(
                image_id=each.id,
                project_id=project.id,
                representative_id=images[0].id,
                hash_distance=2,
                similarity=0.99,
                detached_at=database_now(session) if each is images[3] else None,
            )
            for each in images[1:]
        )
        hashes = [each.sha256 for each in images]
    alone = ask(service, "GET", "/takedowns/preview", params={"what": hashes[1]})["effect"]
    assert (alone["images"], alone["near_duplicates"]) == (1, 2)
    effect = take_down(service, hashes[1], copies=True)["effect"]
    assert (effect["images"], effect["near_duplicates"]) == (3, 0)
    assert files_of(service.data_dir, *hashes) == [hashes[3]]
    again = service.upload("/images", ("a.jpg", factories.paint(1, 2)))
    assert again.json()["images"][0]["reason"] == "taken_down"
