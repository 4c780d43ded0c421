"""Each export is read back by the library that owns its format, and is what the dataset is."""

import contextlib
import csv
import hashlib
import importlib
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.db.tables import Category, Example, HardNegative, Image, Project
from app.domain.dataset import Split
from app.export.formats import FORMATS, Format
from app.main import create_app
from app.usecases.dataset.export_dataset import Filters, select_rows, version_to_export
from app.usecases.dataset.freeze_dataset import freeze_dataset
from tests import factories
from tests.api.conftest import _service
from tests.api.service import Service, make_settings, problem
from tests.api.test_export import grow
from tests.conftest import _new_database, _text
from tests.factories import make_example, make_image
from vetted.embedded.postgres import Postgres

NAMES = ["Spring gentian", "Test aster"]  # "test" must not be taken for a split


@pytest.fixture
def grown(labeling: Service) -> Service:
    """Two versions of two categories."""
    grow(labeling)
    return labeling


@dataclass(frozen=True)
class Taken:
    """A project with 6 + 3 examples for training, 4 for testing, 3 hard negatives; and where files go."""

    service: Service
    folder: Path
    truth: dict[str, list[tuple[str, str]]]  # part -> (sha256, category)

    def fetch(self, query: str) -> bytes:
        answer = self.service.call("lea", "GET", f"/projects/flowers/export?{query}")
        assert answer.status_code == 200, answer.text
        return answer.content

    def unpacked(self, kind: str, query: str = "") -> Path:
        """The folder of an archive, as the tools of everybody unpack it."""
        target = self.folder / f"{kind}-{hashlib.sha256(query.encode()).hexdigest()[:8]}"
        if not target.exists():
            archive = target.with_suffix(FORMATS[Format(kind)].suffix)
            archive.write_bytes(self.fetch(f"format={kind}&{query}"))
            shutil.unpack_archive(archive, target)
        return target

    @property
    def labels(self) -> dict[str, int]:
        return {name: label for label, name in enumerate(sorted(NAMES))}


@pytest.fixture(scope="module")
def taken(
    postgres_server: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Taken]:
    folder = tmp_path_factory.mktemp("exports")
    with _new_database(postgres_server, migrated_template) as url:
        app = create_app(make_settings(_text(url), folder / "data"))
        with _service(app, _text(url), folder / "data") as service:
            _grow(service)
            yield Taken(service, folder, _truth(service))


def _grow(service: Service) -> None:
    with service.transaction() as session:
        labeling = factories.make_labeling(
            session,
            service.blobs_dir,
            service.project("flowers"),
            categories=[
                factories.CategoryFacts(NAMES[0], "Gentiana verna"),
                factories.CategoryFacts(NAMES[1]),
            ],
            proposals=3,
        )
        for place, category_id in enumerate(labeling.category_ids):
            category = session.get_one(Category, category_id)
            for index in (40, 41):
                picture = factories.paint(place, index)
                image = make_image(session, service.blobs, service.project("flowers"), picture)
                make_example(session, image, category, Split.TEST).from_version = 2
        ben = session.scalars(select(factories.User.id).where(factories.User.login == "ben")).one()
        for number, proposal_id in enumerate(labeling.proposal_ids):
            proposal = session.get_one(factories.Proposal, proposal_id)
            factories.answer(session, proposal, ben, "yes" if number % 2 else "no")
    for index, licence in [(0, "CC BY 4.0"), (1, "CC0"), (40, "CC BY 4.0")]:
        source = {
            "url": f"https://e.org/{index}",
            "author": "Zo\u00eb",
            "licence": licence,
            "tags": ["a", "b"],
        }
        service.upload("/images", ("again.jpg", factories.paint(0, index)), sources=[source])
    assert service.call("lea", "POST", "/projects/flowers/rounds/1/close").status_code == 200


def _truth(service: Service) -> dict[str, list[tuple[str, str]]]:
    with service.sessions() as session:
        examples = session.execute(
            select(Example.split, Image.sha256, Category.name)
            .join(Image, Image.id == Example.image_id)
            .join(Category, Category.id == Example.category_id)
        ).all()
        negatives = session.execute(
            select(Image.sha256, Category.name)
            .select_from(HardNegative)
            .join(Image, Image.id == HardNegative.image_id)
            .join(Category, Category.id == HardNegative.category_id)
        ).all()
    found: dict[str, list[tuple[str, str]]] = {"hard_negatives": sorted(map(tuple, negatives))}
    for split in ("train", "test"):
        found[split] = sorted((sha256, name) for of, sha256, name in examples if of == split)
    assert {part: len(rows) for part, rows in found.items()} == {
        "train": 9,
        "test": 4,
        "hard_negatives": 3,
    }
    return found


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("kind", [Format.IMAGE_FOLDER, Format.IMAGE_FOLDER_TAR])
def test_torchvision_reads_the_image_folder(taken: Taken, kind: str) -> None:
    from models.vision import load_torchvision  # noqa: PLC0415 - torch takes a second

    load_torchvision()
    folders = importlib.import_module("torchvision.datasets.folder")
    for part, expected in taken.truth.items():
        read = folders.ImageFolder(
            taken.unpacked(kind) / part, loader=lambda path: Path(path).read_bytes()
        )
        found = [(sha256_of(data), read.classes[label].replace("_", " ")) for data, label in read]
        assert sorted(found) == expected


def test_csv_and_json_lines_name_every_file_of_the_image_folder(taken: Taken) -> None:
    root = taken.unpacked("imagefolder")
    table = list(csv.DictReader(io.StringIO(taken.fetch("format=csv").decode())))
    lines = [json.loads(line) for line in taken.fetch("format=jsonl").splitlines()]
    for rows in (table, lines):
        assert by_part(rows) == taken.truth
        for row in rows:
            assert sha256_of((root / row["file"]).read_bytes()) == row["sha256"]
            assert int(row["label"]) == taken.labels[row["category"]]
    assert (root / "manifest.csv").read_bytes() == taken.fetch("format=csv")
    assert (root / "manifest.jsonl").read_bytes() == taken.fetch("format=jsonl")


def by_part(rows: list[dict[str, Any]]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        found.setdefault(row["part"], []).append((row["sha256"], row["category"]))
    return {part: sorted(members) for part, members in found.items()}


def test_pyarrow_reads_the_parquet_as_the_json_lines(taken: Taken) -> None:
    parquet = importlib.import_module("pyarrow.parquet")
    read = parquet.ParquetFile(io.BytesIO(taken.fetch("format=parquet")))
    lines = [json.loads(line) for line in taken.fetch("format=jsonl").splitlines()]
    assert read.read().to_pylist() == lines
    told = json.loads(read.schema_arrow.metadata[b"vetted"])
    assert (told["project"], told["dataset_version"]) == ("flowers", 2)
    about = json.loads((taken.unpacked("imagefolder") / "ABOUT.json").read_text())
    assert told["content_hash"] == about["content_hash"]


def test_pycocotools_reads_the_annotations(taken: Taken, tmp_path: Path) -> None:
    coco = importlib.import_module("pycocotools.coco")
    (tmp_path / "coco.json").write_bytes(taken.fetch("format=coco"))
    with contextlib.redirect_stdout(io.StringIO()):
        read = coco.COCO(tmp_path / "coco.json")
    names = {category["id"]: category["name"] for category in read.loadCats(read.getCatIds())}
    images = {image["id"]: image for image in read.loadImgs(read.getImgIds())}
    found: dict[str, list[tuple[str, str]]] = {"train": [], "test": [], "hard_negatives": []}
    for note in read.loadAnns(read.getAnnIds()):
        image = images[note["image_id"]]
        found[image["split"]].append((image["sha256"], names[note["category_id"]]))
        assert note["area"] == image["width"] * image["height"]
    for image in images.values():
        for category in image["neg_category_ids"]:
            found["hard_negatives"].append((image["sha256"], names[category]))
        picture = taken.unpacked("imagefolder") / image["file_name"]
        assert sha256_of(picture.read_bytes()) == image["sha256"]
    assert {part: sorted(rows) for part, rows in found.items()} == taken.truth
    licences = {each["id"]: each["name"] for each in read.dataset["licenses"]}
    kept = [licences[image["license"]] for image in images.values()]
    assert {name: kept.count(name) for name in kept} == {"unknown": 13, "CC BY 4.0": 2, "CC0": 1}


def test_hugging_face_reads_both_configurations(
    taken: Taken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    datasets = importlib.import_module("datasets")
    root, cache = str(taken.unpacked("huggingface")), str(tmp_path)
    by_builder = datasets.load_dataset("imagefolder", data_dir=root, cache_dir=cache)
    by_card = datasets.load_dataset(root, cache_dir=cache)
    denied = datasets.load_dataset(root, "hard_negatives", cache_dir=cache)
    for read in (by_builder, by_card):
        assert set(read) == {"train", "test"}
        for part in read:
            assert hugging_rows(read[part], "category", taken.labels) == taken.truth[part]
    assert (
        hugging_rows(denied["train"], "not_category", taken.labels) == taken.truth["hard_negatives"]
    )
    assert {row["licence"] for row in by_card["train"]} == {"", "CC BY 4.0", "CC0"}


def hugging_rows(rows: Any, column: str, labels: dict[str, int]) -> list[tuple[str, str]]:
    for row in rows:
        assert row["image"].size == (row["width"], row["height"])
        assert row[column.replace("category", "label")] == labels[row[column]]
    datasets = importlib.import_module("datasets")
    raw = rows.cast_column("image", datasets.Image(decode=False))
    return sorted(
        (sha256_of(row["image"]["bytes"] or Path(row["image"]["path"]).read_bytes()), row[column])
        for row in raw
    )


def test_webdataset_reads_the_shards(taken: Taken) -> None:
    wds = importlib.import_module("webdataset")
    names = {label: name for name, label in taken.labels.items()}
    for part, expected in taken.truth.items():
        shard = taken.unpacked("webdataset") / f"{part}-000000.tar"
        column = "not" if part == "hard_negatives" else "cls"
        samples = list(wds.WebDataset(str(shard), shardshuffle=False))
        found = sorted((sha256_of(each["jpg"]), names[int(each[column])]) for each in samples)
        assert found == expected
        assert all(json.loads(each["json"])["part"] == part for each in samples)


@pytest.mark.parametrize("kind", list(Format))
def test_equal_requests_give_equal_bytes(taken: Taken, kind: str) -> None:
    assert taken.fetch(f"format={kind}") == taken.fetch(f"format={kind}")


@pytest.mark.parametrize("kind", ["imagefolder", "imagefolder-tar", "huggingface", "webdataset"])
def test_every_archive_tells_licences_and_the_content_hash(taken: Taken, kind: str) -> None:
    root = taken.unpacked(kind)
    about = json.loads((root / "ABOUT.json").read_text())
    assert about["version"] == 2
    assert len(about["content_hash"]) == 64
    assert about["rows"] == {part: len(rows) for part, rows in taken.truth.items()}
    lines = list(csv.DictReader((root / "LICENCES.csv").open(encoding="utf-8")))
    assert len(lines) == 16
    known = [(line["licence"], line["author"], line["url"]) for line in lines if line["licence"]]
    assert ("CC0", "Zo\u00eb", "https://e.org/1") in known
    assert len(known) == 3


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("part=examples", {"train": 9, "test": 4}),
        ("part=hard-negatives", {"hard_negatives": 3}),
        ("split=test", {"test": 4}),
        ("split=test&part=all", {"test": 4, "hard_negatives": 3}),
        ("category=spring%20GENTIAN&split=train", {"train": 4}),
        ("category=Test%20aster&category=Spring%20gentian&split=test", {"test": 4}),
        ("licence=cc%20by%204.0", {"train": 1, "test": 1}),
        ("licence=CC0&licence=CC%20BY%204.0&part=examples", {"train": 2, "test": 1}),
        ("licence=&split=train", {"train": 7}),
        ("version=1", {"train": 6}),
    ],
)
def test_filters_leave_out_the_rest(taken: Taken, query: str, kept: dict[str, int]) -> None:
    lines = [json.loads(line) for line in taken.fetch(f"format=jsonl&{query}").splitlines()]
    assert {part: len(rows) for part, rows in by_part(lines).items()} == kept


def test_the_source_that_matched_comes_first(taken: Taken) -> None:
    again = {"url": "https://e.org/late", "licence": "CC0"}
    taken.service.upload("/images", ("a.jpg", factories.paint(0, 0)), sources=[again])
    for licence, url in [("CC0", "https://e.org/late"), ("CC%20BY%204.0", "https://e.org/0")]:
        lines = taken.fetch(f"format=jsonl&split=train&licence={licence}").splitlines()
        (line,) = [each for each in map(json.loads, lines) if len(each["sources"]) == 2]
        assert line["url"] == url


@pytest.mark.parametrize(
    "query",
    [
        "part=hard-negatives&split=train",
        "category=Nobody",
        "licence=WTFPL",
        "licence=%00",
        "format=exe",
        "part=half",
        "license=CC0",
    ],
)
def test_what_cannot_be_exported_is_refused(taken: Taken, query: str) -> None:
    answer = taken.service.call("lea", "GET", f"/projects/flowers/export?{query}")
    problem(answer, 422, "invalid")


def test_the_name_of_the_file_tells_what_it_is(taken: Taken) -> None:
    for query, name in [
        ("", "flowers-v2.zip"),
        ("format=imagefolder-tar&version=1", "flowers-v1-imagefolder.tar"),
        ("format=coco&split=test", "flowers-v2-coco-part.json"),
    ]:
        answer = taken.service.call("lea", "GET", f"/projects/flowers/export?{query}")
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'


def test_while_a_slow_client_reads_no_connection_is_held(taken: Taken) -> None:
    service, pool = taken.service, taken.service.sessions.kw["bind"].pool
    project = service.project("flowers")
    for facts in FORMATS.values():
        with service.transaction() as session:
            version = version_to_export(session, project, None)
            selection = select_rows(session, service.blobs, project, version, Filters())
        for _ in facts.write(selection):
            assert pool.checkedout() == 0


def test_a_version_keeps_the_names_that_it_was_frozen_with(grown: Service) -> None:
    """The content hash is over the names; so are the folders that somebody trained with."""

    def lines(query: str) -> list[dict[str, Any]]:
        answer = grown.call("lea", "GET", f"/projects/flowers/export?format=jsonl{query}")
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.content.splitlines()]

    before = lines("&version=1")
    assert grown.labeling is not None
    category = grown.labeling.category_ids[0]
    body = {"name": "Zebra gentian", "scientific_name": "Gentiana zebra"}
    renamed = grown.call("lea", "PUT", f"/projects/flowers/categories/{category}", json=body)
    assert renamed.status_code == 200, renamed.text
    assert lines("&version=1") == before
    assert {row["category"] for row in lines("")} == {"Spring gentian", "Alpine aster"}
    refused = grown.call("lea", "GET", "/projects/flowers/export?category=Zebra%20gentian")
    problem(refused, 422, "invalid")
    with grown.transaction() as session:
        project = session.get_one(Project, grown.labeling.project_id)
        assert freeze_dataset(session, project).number == 3
    assert {row["category"] for row in lines("")} == {"Zebra gentian", "Alpine aster"}
    assert lines("&category=zebra%20gentian")
