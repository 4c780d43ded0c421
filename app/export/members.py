"""The members of an archive: named bytes of a known size that can be read more than once."""

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from app.export.rows import Row, Selection, manifest_line

PIECE = 1 << 20
_COLUMNS = (
    "file", "sha256", "part", "label", "category", "scientific_name", "provenance",
    "width", "height", "url", "author", "licence", "tags", "crawled_at",
)  # fmt: skip
_LICENCE_COLUMNS = ("file", "licence", "author", "url", "crawled_at")

Layout = Callable[[Row], str]


@dataclass(frozen=True)
class Member:
    """A file of an archive. `pieces` begins anew at each call and gives `size` bytes."""

    name: str
    size: int
    pieces: Callable[[], Iterator[bytes]]


class DamagedPictureError(Exception):
    """A stored picture has another size than its row says. The download breaks off.

    Better an archive that is plainly broken than one that lacks a picture without a word.
    """

    def __init__(self, sha256: str, expected: int, found: int) -> None:
        super().__init__(f"Picture {sha256} should have {expected} bytes and has {found}.")


def picture(selection: Selection, row: Row, name: str) -> Member:
    """The picture of a row."""

    def pieces() -> Iterator[bytes]:
        found = 0
        with selection.read(row.sha256) as stored:
            while piece := stored.read(PIECE):
                found += len(piece)
                if found <= row.size:  # more would run into the next member
                    yield piece
        if found != row.size:
            raise DamagedPictureError(row.sha256, row.size, found)

    return Member(name, row.size, pieces)


def small(name: str, content: bytes) -> Member:
    """A member that is at hand."""
    return Member(name, len(content), lambda: iter([content]))


def spooled(name: str, chunks: Iterable[bytes]) -> Member:
    """A member whose size is known only once it was made: it waits in a temporary file."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the member
    for chunk in chunks:
        file.write(chunk)
    size = file.tell()

    def pieces() -> Iterator[bytes]:
        place = 0
        while place < size:
            file.seek(place)
            piece = file.read(PIECE)
            place += len(piece)
            yield piece

    return Member(name, size, pieces)


def about_member(selection: Selection) -> Member:
    """ABOUT.json: which version this is, what was left out, and the categories with their labels."""
    about = {
        **asdict(selection.about),
        "frozen_at": selection.about.frozen_at.isoformat(),
        "licence": "Each picture keeps the licence of its source; see LICENCES.csv.",
        "categories": [asdict(category) for category in selection.categories],
    }
    return small("ABOUT.json", json.dumps(about, indent=2, ensure_ascii=False).encode() + b"\n")


def papers(selection: Selection, layout: Layout) -> Iterator[Member]:
    """What each archive ends with: LICENCES.csv, manifest.csv and manifest.jsonl."""
    yield spooled("LICENCES.csv", licences(selection, layout))
    yield spooled("manifest.csv", csv_manifest(selection, layout))
    yield spooled("manifest.jsonl", jsonl_manifest(selection, layout))


def licences(selection: Selection, layout: Layout) -> Iterator[bytes]:
    """A line for each source of each file, and one without a licence where nothing is known."""
    yield csv_line(_LICENCE_COLUMNS)
    for row in selection.rows():
        for source in row.sources or [{}]:
            values = {**source, "file": layout(row)}
            yield csv_line([values.get(column) for column in _LICENCE_COLUMNS])


def csv_manifest(selection: Selection, layout: Layout) -> Iterator[bytes]:
    """A line for each file with its first source; the JSON manifest has all of them."""
    yield csv_line(_COLUMNS)
    for row in selection.rows():
        values = manifest_line(row, layout(row))
        values["tags"] = " | ".join(values["tags"])
        yield csv_line([values[column] for column in _COLUMNS])


def jsonl_manifest(selection: Selection, layout: Layout) -> Iterator[bytes]:
    """A JSON object a line."""
    for row in selection.rows():
        yield json_line(manifest_line(row, layout(row)))


def json_line(values: dict[str, Any]) -> bytes:
    """One line of JSON in UTF-8."""
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def csv_line(values: Iterable[Any]) -> bytes:
    """One line of CSV in UTF-8, with nothing in it that a spreadsheet would run."""
    text = io.StringIO()
    csv.writer(text).writerow(map(_harmless, values))
    return text.getvalue().encode()


def _harmless(value: Any) -> Any:
    # A spreadsheet would run text that begins like a formula, and crawled text is hostile.
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
