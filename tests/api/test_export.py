"""The dataset as a zip: an ImageFolder that is what the dataset is."""

import csv
import hashlib
import io
import json
import zipfile

import pytest
from sqlalchemy import select

from app.db.tables import (
    Category,
    DatasetVersion,
    Example,
    HardNegative,
    Image,
    ModelVersion,
    Proposal,
    User,
)
from tests import factories
from tests.api.service import Service, problem

FORMULA = '=HYPERLINK("https://e.org";"click")'


@pytest.fixture
def grown(labeling: Service) -> Service:
    """Version 1 has six seeds; version 2 one yes of the labelers more, and one no."""
    grow(labeling)
    return labeling


def grow(labeling: Service) -> None:
    assert labeling.labeling is not None
    labeling.upload(
        "/images",
        ("again.jpg", factories.paint(0, 0)),
        sources=[{"url": "https://e.org/a", "author": FORMULA, "licence": "CC BY", "tags": ["@x"]}],
    )
    with labeling.transaction() as session:
        ben = session.scalars(select(User.id).where(User.login == "ben")).one()
        for number, word in [(0, "yes"), (1, "no")]:
            proposal = session.get_one(Proposal, labeling.labeling.proposal_ids[number])
            factories.answer(session, proposal, ben, word)
    assert labeling.call("lea", "POST", "/projects/flowers/rounds/1/close").status_code == 200


def export(service: Service, version: int | None = None) -> zipfile.ZipFile:
    query = "" if version is None else f"?version={version}"
    answer = service.call("lea", "GET", f"/projects/flowers/export{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return archive


def pictures(archive: zipfile.ZipFile) -> dict[str, bytes]:
    names = [name for name in archive.namelist() if "/" in name]
    return {name: archive.read(name) for name in names}


def jsonl(archive: zipfile.ZipFile) -> list[dict]:
    return [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]


def table(archive: zipfile.ZipFile) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode())))


def test_the_folders_are_the_dataset(grown: Service) -> None:
    archive = export(grown)
    with grown.sessions() as session:
        rows = session.execute(
            select(Example.split, Category.name, Image.sha256)
            .join(Category, Category.id == Example.category_id)
            .join(Image, Image.id == Example.image_id)
        ).all()
        rows += session.execute(
            select(HardNegative.from_version, Category.name, Image.sha256)
            .join(Category, Category.id == HardNegative.category_id)
            .join(Image, Image.id == HardNegative.image_id)
        ).all()
    expected = {
        f"{part if part == 'train' else 'hard_negatives'}/{name.replace(' ', '_')}/{sha256}.jpg"
        for part, name, sha256 in rows
    }
    found = pictures(archive)
    assert len(found) == 8
    assert set(found) == expected
    for name, data in found.items():
        assert hashlib.sha256(data).hexdigest() in name


def test_both_manifests_have_a_line_for_each_file(grown: Service) -> None:
    archive = export(grown)
    files = list(pictures(archive))
    assert [line["file"] for line in jsonl(archive)] == files
    assert [line["file"] for line in table(archive)] == files
    assert {line["provenance"] for line in jsonl(archive)} == {"seed", "round 1"}
    about = json.loads(archive.read("ABOUT.json"))
    with grown.sessions() as session:
        version = session.scalars(select(DatasetVersion).where(DatasetVersion.number == 2)).one()
    assert about["content_hash"] == version.content_hash
    assert (about["examples"], about["hard_negatives"]) == (7, 1)


def test_the_manifests_carry_the_source(grown: Service) -> None:
    archive = export(grown)
    (line,) = [line for line in jsonl(archive) if line["sources"]]
    assert (line["url"], line["author"], line["licence"]) == ("https://e.org/a", FORMULA, "CC BY")
    (row,) = [row for row in table(archive) if row["url"]]
    assert (row["licence"], row["category"]) == ("CC BY", "Spring gentian")
    assert row["scientific_name"] == "Gentiana verna"


def test_a_spreadsheet_runs_nothing_of_what_was_crawled(grown: Service) -> None:
    rows = table(export(grown))
    assert f"'{FORMULA}" in [row["author"] for row in rows]
    assert "'@x" in [row["tags"] for row in rows]
    assert not [cell for row in rows for cell in row.values() if cell[:1] in set("=+-@\t\r")]


def test_an_older_version_stays_what_it_was(labeling: Service) -> None:
    before = export(labeling, 1)
    files, lines = pictures(before), jsonl(before)
    grow(labeling)
    assert len(pictures(export(labeling))) == 8
    after = export(labeling, 1)
    assert pictures(after) == files
    assert [line["file"] for line in jsonl(after)] == [line["file"] for line in lines]


def test_a_version_that_is_not_there_is_not_found(grown: Service) -> None:
    for version in (0, 3):
        answer = grown.call("lea", "GET", f"/projects/flowers/export?version={version}")
        problem(answer, 404, "not-found")


def test_before_the_first_round_there_is_nothing_to_export(service: Service) -> None:
    problem(service.call("lea", "GET", "/projects/flowers/export"), 404, "not-found")


def test_folders_stay_apart_and_fit_every_file_system(ready: Service) -> None:
    names = ["a/b", "a b", "A_B", "..", "\u00e9" * 200, "\u00e9" * 199 + "x", "CON"]
    for index, name in enumerate(names):
        body = {"name": name}
        ready.call("lea", "POST", "/projects/flowers/categories", json=body)
        ready.upload("/examples", ("a.jpg", factories.paint(9, index)), category=name)
    assert ready.call("lea", "POST", "/projects/flowers/rounds").status_code == 201
    folders = {name.split("/")[1] for name in pictures(export(ready))}
    assert len({folder.lower() for folder in folders}) == len(names) + 2
    for folder in folders:
        assert 0 < len(folder.encode()) <= 255
        assert folder.strip("._- ")


def test_the_trained_head_is_taken_away_with_the_names_of_its_outputs(labeling: Service) -> None:
    path = "/projects/flowers/rounds/1/model"
    problem(labeling.call("lea", "GET", path), 404, "not-found")  # the factory stores no bytes
    with labeling.sessions() as session:
        model = session.scalars(select(ModelVersion)).one()
        labeling.blobs.put(model.blob_key, b"trained")
    answer = labeling.call("lea", "GET", path)
    assert answer.headers["content-disposition"].endswith('"flowers-round-1-model.zip"')
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.read("head.safetensors") == b"trained"
    config = json.loads(archive.read("config.json"))
    # By name, whatever happened to the names since: the outputs stay in their places.
    assert labeling.labeling is not None
    first = labeling.labeling.category_ids[1]
    body = {"name": "Zebra aster"}
    labeling.call("lea", "PUT", f"/projects/flowers/categories/{first}", json=body)
    again = zipfile.ZipFile(io.BytesIO(labeling.call("lea", "GET", path).content))
    assert json.loads(again.read("config.json")) == config
    assert [each["name"] for each in config["categories"]] == ["Alpine aster", "Spring gentian"]
    assert (config["dataset_version"], config["backbone"]) == (1, "filterbank")
    problem(labeling.call("lea", "GET", "/projects/flowers/rounds/2/model"), 404, "not-found")
