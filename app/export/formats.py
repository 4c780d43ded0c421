"""The formats, as a table."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.export.coco import coco_file
from app.export.hugging_face import hugging_face_zip
from app.export.image_folder import image_folder_tar, image_folder_zip
from app.export.manifests import csv_file, jsonl_file
from app.export.parquet import parquet_file
from app.export.rows import About, Selection
from app.export.web_dataset import web_dataset_tar

_CHUNK = 1 << 18


class Format(StrEnum):
    """What a dataset version can be taken away as."""

    IMAGE_FOLDER = "imagefolder"
    IMAGE_FOLDER_TAR = "imagefolder-tar"
    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"
    COCO = "coco"
    HUGGING_FACE = "huggingface"
    WEB_DATASET = "webdataset"


@dataclass(frozen=True)
class Facts:
    """How a format is written and served. `says` is a sentence for whoever chooses."""

    write: Callable[[Selection], Iterator[bytes]]
    suffix: str
    media_type: str
    says: str


FORMATS = {
    Format.IMAGE_FOLDER: Facts(
        image_folder_zip, ".zip", "application/zip", "Pictures in a folder for each category."
    ),
    Format.IMAGE_FOLDER_TAR: Facts(
        image_folder_tar, ".tar", "application/x-tar", "The same as a tar."
    ),
    Format.CSV: Facts(
        csv_file, ".csv", "text/csv", "A line for each picture, for spreadsheets; no pictures."
    ),
    Format.JSON_LINES: Facts(
        jsonl_file, ".jsonl", "application/jsonl", "An object for each picture; no pictures."
    ),
    Format.PARQUET: Facts(
        parquet_file, ".parquet", "application/vnd.apache.parquet", "A typed table; no pictures."
    ),
    Format.COCO: Facts(coco_file, ".json", "application/json", "COCO annotations; no pictures."),
    Format.HUGGING_FACE: Facts(
        hugging_face_zip,
        ".zip",
        "application/zip",
        "Pictures with metadata for Hugging Face datasets.",
    ),
    Format.WEB_DATASET: Facts(
        web_dataset_tar, ".tar", "application/x-tar", "Shards of pictures for WebDataset."
    ),
}


def write(kind: Format, selection: Selection) -> Iterator[bytes]:
    """The export in chunks of some size: sending one costs as much as writing thousands of bytes."""
    gathered = bytearray()
    for chunk in FORMATS[kind].write(selection):
        gathered += chunk
        if len(gathered) >= _CHUNK:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def file_name(about: About, kind: Format) -> str:
    """A name for the download, such as flowers-v2.zip or flowers-v2-coco-part.json.

    It tells how many pictures of the version were taken down since: a bare list has no other place
    to say so in.
    """
    which = "" if kind is Format.IMAGE_FOLDER else f"-{kind.partition('-')[0]}"
    part = "-part" if about.filters else ""
    gone = f"-{about.taken_down}-taken-down" if about.taken_down else ""
    return f"{about.slug}-v{about.version}{which}{part}{gone}{FORMATS[kind].suffix}"
