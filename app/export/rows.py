"""What an export is made of: rows, the categories they name, and what is said about the whole."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, BinaryIO

_READ_AHEAD = 1 << 18  # bytes of spooled rows that are held at a time


class Part(StrEnum):
    """Where a file of an export belongs. A hard negative has no split: it only says what it is not."""

    TRAIN = "train"
    TEST = "test"
    HARD_NEGATIVES = "hard_negatives"


@dataclass(frozen=True)
class Row:
    """An image in a dataset version under one category.

    Attributes:
        sha256: of the picture's bytes, as they were sent.
        size: of the picture in bytes.
        suffix: of a file with the picture, such as ".jpg".
        part: an example's split, or that it is a hard negative of `category`.
        label: place of the category in the version's categories by name, from 0.
        folder: the category's name as a folder, safe on every file system.
        provenance: "seed", or "round 3"; `domain.dataset.provenance`.
        width: in pixels, upright.
        height: in pixels, upright.
        sources: where it came from, ready for JSON; the one that matched a licence filter first.
    """

    sha256: str
    size: int
    suffix: str
    part: str
    label: int
    category: str
    scientific_name: str
    folder: str
    provenance: str
    width: int
    height: int
    sources: list[dict[str, Any]]

    @property
    def key(self) -> str:
        """A name without a suffix, of its own within the part.

        An image may be the hard negative of several categories, but an example only of one.
        """
        return f"{self.sha256}-not-{self.label}" if self.is_hard_negative else self.sha256

    @property
    def is_hard_negative(self) -> bool:
        """Whether the image is NOT of the category."""
        return self.part == Part.HARD_NEGATIVES


@dataclass(frozen=True)
class NamedCategory:
    """A category as the version names it."""

    label: int
    name: str
    scientific_name: str
    folder: str


@dataclass(frozen=True)
class About:
    """What is said about the whole.

    `made_by` tells what made the version: "round 3", "takedown"; `domain.dataset.made_by`.
    `examples` and `hard_negatives` count the version; `rows` the selection, by part. `content_hash`
    is of the version, too: `filters` tells what was left out. `taken_down` pictures of the version
    were taken down since it was frozen, and are in no export of it.
    """

    project: str
    slug: str
    version: int
    content_hash: str
    frozen_at: datetime
    made_by: str
    examples: int
    hard_negatives: int
    filters: dict[str, list[str]]
    rows: dict[str, int]
    taken_down: int = 0


@dataclass(frozen=True)
class Selection:
    """What a writer writes. `rows` begins anew at each call; `read` opens a picture by its hash.

    Rows come in order of (sha256, part, label): equal content gives equal bytes, the rows of one
    image are neighbours, and categories are mixed as a training run wants them.
    """

    about: About
    categories: Sequence[NamedCategory]
    rows: Callable[[], Iterator[Row]]
    read: Callable[[str], BinaryIO]


def spool(rows: Iterable[Row]) -> Callable[[], Iterator[Row]]:
    """Put rows into a temporary file, and give what reads them from it, as often as it is called.

    A slow client reads for hours: meanwhile neither a database connection nor memory is held.
    The file has no name, so that it goes with the last reader, however that ends.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as its readers
    for row in rows:
        # Not `asdict`, whose deep copy takes longer than all the rest.
        file.write(json.dumps(vars(row)).encode() + b"\n")
    file.flush()

    def read() -> Iterator[Row]:
        place = 0  # of this reader: several may take turns
        while True:
            file.seek(place)
            lines = file.readlines(_READ_AHEAD)
            place = file.tell()
            if not lines:
                return
            for line in lines:
                yield Row(**json.loads(line))

    return read


def manifest_line(row: Row, file: str) -> dict[str, Any]:
    """The row as a line of a manifest, with the first source at hand and all of them behind."""
    first = row.sources[0] if row.sources else {}
    return {
        "file": file,
        "sha256": row.sha256,
        "part": row.part,
        "label": row.label,
        "category": row.category,
        "scientific_name": row.scientific_name,
        "provenance": row.provenance,
        "width": row.width,
        "height": row.height,
        "url": first.get("url"),
        "author": first.get("author"),
        "licence": first.get("licence"),
        "tags": first.get("tags", []),
        "crawled_at": first.get("crawled_at"),
        "sources": row.sources,
    }


def in_folders(row: Row) -> str:
    """The path of a picture in an ImageFolder: part, category, picture.

    A hard negative lies in the folder of the category that it is NOT.
    """
    return f"{row.part}/{row.folder}/{row.sha256}{row.suffix}"
