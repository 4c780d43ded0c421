"""Each format as its documentation writes it, and as strangers write it."""

import contextlib
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import ImportRefusedError
from app.domain.importing import ImportFormat, LeftOut
from app.imports.archive import open_archive
from app.imports.draft import Draft, draft
from app.imports.formats import READERS
from app.imports.image_folder import read_image_folder
from tests.imports.packing import PICTURE, as_json, zipped

Told = dict[str, tuple[str | None, str | None]]


def drafted(files: dict[str, bytes], kind: ImportFormat | None = None) -> Draft:
    return draft(open_archive(zipped(files), "a.zip"), kind)


def told(made: Draft) -> Told:
    """(category, split) by name; a reason stands in place of the category."""
    return {each.name: (each.reason or each.category, each.split) for each in made.found}


def pictures(*names: str) -> dict[str, bytes]:
    return dict.fromkeys(names, PICTURE)


def test_image_folders_with_and_without_splits() -> None:
    made = drafted(
        pictures(
            "set/train/a/1.jpg",
            "set/train/a/deep/2.JPG",
            "set/val/b/3.png",
            "set/Testing/b/4.webp",
            "set/hard_negatives/a/5.jpg",
            "set/train/_unsure/6.jpg",
            "set/train/7.jpg",
        )
    )
    assert made.format is ImportFormat.IMAGE_FOLDER
    assert told(made) == {
        "set/train/a/1.jpg": ("a", "train"),
        "set/train/a/deep/2.JPG": ("a", "train"),
        "set/val/b/3.png": ("b", "val"),
        "set/Testing/b/4.webp": ("b", "test"),
        "set/hard_negatives/a/5.jpg": (LeftOut.HARD_NEGATIVE, None),
        "set/train/_unsure/6.jpg": (LeftOut.NO_CATEGORY, "train"),
        "set/train/7.jpg": (LeftOut.NO_CATEGORY, "train"),
    }
    plain = told(drafted(pictures("a/1.jpg", "b/1.jpg", "2.jpg", "test/3.jpg")))
    assert plain["a/1.jpg"] == ("a", None)
    assert plain["2.jpg"] == (LeftOut.NO_CATEGORY, None)
    one = told(drafted(pictures("data/Spring gentian/1.jpg", "data/Spring gentian/2.jpg")))
    assert set(one.values()) == {("Spring gentian", None)}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_by_path_by_name_and_by_address(delimiter: str) -> None:
    lines = [
        ["file_name", "Label", "split", "license", "author", "url"],
        ["images/1.jpg", "Gentian", "Training", "CC0", "Zo\u00eb", "https://e.org/x"],
        ["C:\\Users\\me\\images\\2.jpg", "Aster", "validation", "", "", ""],
        ["", "Aster", "", "", "", "https://e.org/pics/3%20a.jpg?size=large"],
        ["", "Aster", "", "", "", "https://e.org/not-there.jpg"],
        ["1.jpg", "Aster", "", "", "", ""],
    ]
    table = "\r\n".join(delimiter.join(line) for line in lines)
    files = {"labels.csv": b"\xef\xbb\xbf" + table.encode()} | pictures(
        "images/1.jpg", "images/2.jpg", "images/3 a.jpg", "other/1.jpg", "other/4.jpg"
    )
    made = drafted(files)
    assert told(made) == {
        "images/1.jpg": ("Gentian", "train"),
        "images/2.jpg": ("Aster", "val"),
        "images/3 a.jpg": ("Aster", None),
    }
    source = next(each.source for each in made.found if each.name == "images/1.jpg")
    assert (source.licence, source.author, source.url) == ("CC0", "Zo\u00eb", "https://e.org/x")
    assert made.left_out == [
        ("https://e.org/not-there.jpg", LeftOut.NOT_IN_ARCHIVE),
        ("1.jpg", LeftOut.AMBIGUOUS),
    ]
    assert [name for name, _ in made.addresses] == ["https://e.org/not-there.jpg"]
    assert made.unnamed == 2


def test_several_tables_tell_the_split_by_their_names() -> None:
    files = {
        "train.csv": b"path,class\n1.jpg,A\n",
        "test.csv": b"path,class\n2.jpg,A\n",
    } | pictures("images/1.jpg", "images/2.jpg")
    assert told(drafted(files)) == {"images/1.jpg": ("A", "train"), "images/2.jpg": ("A", "test")}


def test_coco() -> None:
    document = {
        "images": [
            {"id": 1, "file_name": "1.jpg", "flickr_url": "https://f.org/1", "license": 2},
            {"id": "2", "file_name": "2.jpg"},
            {"id": 3, "file_name": "3.jpg"},
            {"id": 4, "file_name": "gone.jpg"},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 5, "bbox": [0, 0, 1, 1]},
            {"id": 2, "image_id": 2, "category_id": 5},
            {"id": 3, "image_id": 2, "category_id": 6},
        ],
        "categories": [{"id": 5, "name": "Gentian"}, {"id": 6, "name": "Aster"}],
        "licenses": [{"id": 2, "name": "CC BY", "url": "https://c.org"}],
    }
    files = {"annotations/instances.json": as_json(document)}
    made = drafted(files | pictures("images/1.jpg", "images/2.jpg", "images/3.jpg"))
    assert made.format is ImportFormat.COCO
    assert told(made) == {
        "images/1.jpg": ("Gentian", None),
        "images/3.jpg": (LeftOut.NO_CATEGORY, None),
    }
    assert made.found[0].source.licence == "CC BY"
    assert set(made.left_out) == {
        ("gone.jpg", LeftOut.NOT_IN_ARCHIVE),
        ("images/2.jpg", LeftOut.SEVERAL_CATEGORIES),
    }


def test_fiftyone_image_classification_dataset_with_splits() -> None:
    train = {"classes": ["cat", "dog"], "labels": {"1": 0, "2.x": 1, "3": None}}
    validation = {
        "classes": None,
        "labels": {"1": "cat", "deep/4": {"label": "dog", "confidence": 0.9}},
    }
    made = drafted(
        {"train/labels.json": as_json(train), "validation/labels.json": as_json(validation)}
        | pictures(
            "train/data/1.jpg", "train/data/2.x.jpg", "train/data/3.jpg",
            "validation/data/1.png", "validation/data/deep/4.jpg",
        )
    )  # fmt: skip
    assert made.format is ImportFormat.FIFTYONE
    assert told(made) == {
        "train/data/1.jpg": ("cat", "train"),
        "train/data/2.x.jpg": ("dog", "train"),
        "train/data/3.jpg": (LeftOut.NO_CATEGORY, "train"),
        "validation/data/1.png": ("cat", "val"),
        "validation/data/deep/4.jpg": ("dog", "val"),
    }


def sample(path: str, label: Any, **more: Any) -> dict[str, Any]:
    return {
        "_id": {"$oid": "66b3"},
        "filepath": path,
        "tags": [],
        "_media_type": "image",
        "metadata": None,
        "ground_truth": label
        and {"_id": {"$oid": "66b4"}, "_cls": "Classification", "label": label},
    } | more


def test_the_whole_fiftyone_dataset() -> None:
    samples = [
        sample("data/1.jpg", "cat", tags=["test", "outdoor"], licence="CC0"),
        sample("data/2.jpg", None),
        sample("data/3.jpg", None, animal={"_cls": "Classification", "label": "dog"}),
        sample("data/4.jpg", None, ground_truth={
            "_cls": "Classifications", "classifications": [{"label": "cat"}, {"label": "dog"}]
        }),
    ]  # fmt: skip
    files = {"metadata.json": as_json({"name": "pets", "version": "1.0"})}
    files |= {"samples.json": as_json({"samples": samples})}
    made = drafted(files | pictures(*(f"data/{index}.jpg" for index in range(1, 5))))
    assert made.format is ImportFormat.FIFTYONE
    assert told(made) == {
        "data/1.jpg": ("cat", "test"),
        "data/2.jpg": (LeftOut.NO_CATEGORY, None),
        "data/3.jpg": ("dog", None),
    }
    assert made.found[0].source.tags == ("outdoor",)
    assert made.left_out == [("data/4.jpg", LeftOut.SEVERAL_CATEGORIES)]


def annotation(*choices: str, cancelled: bool = False) -> dict[str, Any]:
    result = {
        "value": {"choices": list(choices)}, "id": "x", "from_name": "choice",
        "to_name": "image", "type": "choices", "origin": "manual",
    }  # fmt: skip
    return {"id": 1, "was_cancelled": cancelled, "ground_truth": False, "result": [result]}


def task(image: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": 1, "annotations": list(annotations), "predictions": [annotation("Wrong")],
        "data": {"image": image}, "meta": {}, "project": 1,
    }  # fmt: skip


LABELED: Told = {
    "images/0a1b2c3d-1.jpg": ("Gentian", None),
    "images/2.jpg": ("Aster", None),
    "images/3.jpg": (LeftOut.NO_CATEGORY, None),
}
STUDIO = pictures("images/0a1b2c3d-1.jpg", "images/2.jpg", "images/3.jpg", "images/4.jpg")


def test_label_studio_json() -> None:
    tasks = [
        task("/data/upload/1/0a1b2c3d-1.jpg", annotation("Gentian"), annotation("Gentian")),
        task("/data/local-files/?d=me/images/2.jpg", annotation("Aster")),
        task("s3://bucket/images/3.jpg", annotation("Gentian", cancelled=True)),
        task("/data/upload/1/ffffffff-4.jpg", annotation("Gentian", "Aster")),
    ]
    made = drafted({"project-1.json": as_json(tasks)} | STUDIO)
    assert made.format is ImportFormat.LABEL_STUDIO
    assert told(made) == LABELED
    assert made.left_out == [("images/4.jpg", LeftOut.SEVERAL_CATEGORIES)]


def test_label_studio_json_min_and_csv() -> None:
    rows: list[dict[str, Any]] = [
        {"image": "/data/upload/1/0a1b2c3d-1.jpg", "id": 1, "choice": "Gentian", "annotator": 1,
         "annotation_id": 1, "created_at": "2026-01-01T00:00:00Z", "lead_time": 1.5},
        {"image": "/data/upload/1/2.jpg", "id": 2, "choice": "Aster", "annotator": 1},
        {"image": "/data/upload/1/3.jpg", "id": 3, "annotator": 1},
        {"image": "/data/upload/1/4.jpg", "id": 4, "choice": {"choices": ["a", "b"]}},
    ]  # fmt: skip
    made = drafted({"min.json": as_json(rows)} | STUDIO)
    assert (made.format, told(made)) == (ImportFormat.LABEL_STUDIO, LABELED)
    table = (
        "image,id,choice,annotator,annotation_id,created_at,updated_at,lead_time\n"
        "/data/upload/1/0a1b2c3d-1.jpg,1,Gentian,1,1,2026,2026,1.5\n"
        "/data/upload/1/2.jpg,2,Aster,1,2,2026,2026,2\n"
        "/data/upload/1/3.jpg,3,,1,3,2026,2026,2\n"
        '/data/upload/1/4.jpg,4,"{""choices"":[""a"",""b""]}",1,4,2026,2026,2\n'
    )
    made = drafted({"labels.csv": table.encode()} | STUDIO)
    assert (made.format, told(made)) == (ImportFormat.LABEL_STUDIO, LABELED)
    assert made.left_out == [("images/4.jpg", LeftOut.SEVERAL_CATEGORIES)]


def test_a_table_without_its_pictures_names_each_as_missing() -> None:
    made = draft(open_archive(io.BytesIO(b"file,label\na.jpg,A\n"), "a.csv"))
    assert (made.found, made.left_out) == ([], [("a.jpg", LeftOut.NOT_IN_ARCHIVE)])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"file,label\n\xff\xfe,A\n", "not_utf8"),
        ("a.csv", b"name,size\na,1\n", "columns_missing"),
        ("a.csv", b"file,label\n" + b"x" * 200_000 + b",A\n", "annotation_broken"),
        ("a.json", b"{", "annotation_broken"),
        ("a.json", b"[" * 100_000, "annotation_broken"),
        ("a.json", b'{"a": ' + b"9" * 5000 + b"}", "annotation_broken"),
        ("a.json", b'"text"', "annotation_broken"),
    ],
)
def test_broken_annotations_are_refused(name: str, content: bytes, reason: str) -> None:
    kinds = [ImportFormat.CSV] if name == "a.csv" else [ImportFormat.COCO, ImportFormat.FIFTYONE]
    for kind in kinds:
        with pytest.raises(ImportRefusedError) as caught:
            drafted({name: content} | pictures("a.jpg"), kind)
        assert caught.value.reason == reason


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from([
            "images", "annotations", "categories", "licenses", "id", "image_id", "category_id",
            "name", "file_name", "license", "split", "samples", "filepath", "ground_truth", "label",
            "labels", "classes", "tags", "_cls", "data", "image", "result", "value", "choices",
            "choice", "was_cancelled", "classifications", "neg_category_ids", "url", "author",
        ]),
        inner,
        max_size=6,
    ),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(VALUES, st.sampled_from(sorted(READERS)))
def test_no_json_breaks_a_reader(value: Any, kind: ImportFormat) -> None:
    with contextlib.suppress(ImportRefusedError):
        list(READERS[kind]("a.json", as_json(value)))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "ignore")))
def test_no_bytes_break_a_reader_of_tables(content: bytes) -> None:
    for head in (b"", b"file,label,split,tags,url\n", b"image,choice,annotator\n"):
        for kind in (ImportFormat.CSV, ImportFormat.LABEL_STUDIO):
            with contextlib.suppress(ImportRefusedError):
                list(READERS[kind]("a.csv", head + content))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.text(alphabet="ab/._ train", min_size=1, max_size=12).filter(lambda t: t[-1:] != "/"),
        max_size=8,
    ),
    st.none() | st.binary(max_size=50),
)
def test_no_names_break_the_reader_of_folders(names: list[str], about: bytes | None) -> None:
    named = [f"{name}.jpg" for name in names]
    assert len(list(read_image_folder(named, about))) == len(named)
