"""CSV: one reader for tables of paths or addresses with categories."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence

from app.domain.errors import ImportRefusedError
from app.domain.importing import LeftOut
from app.imports.rows import HARD_NEGATIVES, Labeled, facts, split_word

PATHS = ("file", "path", "file_name", "filename", "filepath", "file_path", "image", "image_path")
URLS = ("url", "image_url", "source_url")
CATEGORIES = ("category", "category_name", "class_name", "class", "label", "species", "label_name")
_SPLITS = ("split", "part", "subset", "set")
_AUTHORS = ("author", "creator", "photographer")
_LICENCES = ("licence", "license")
_DELIMITERS = ",;\t|"


def read_csv(name: str, content: bytes) -> Iterator[Labeled]:
    """A row for each line that names a picture.

    Raises:
        ImportRefusedError: when it is not UTF-8, not CSV, or lacks a column.
    """
    columns, lines = table(name, content)
    paths = [each for each in (*PATHS, *URLS) if each in columns]
    category = first(columns, CATEGORIES)
    if not paths or category is None:
        raise ImportRefusedError(
            "columns_missing",
            "{name} needs a column with the picture (file, path, image or url) and one with its "
            "category (category, class or label). Rename its columns.",
            name=name,
        )
    for line in lines:
        reference = next((line[each] for each in paths if line[each]), None)
        if reference is not None:
            yield _labeled(reference, line[category], line)


def table(name: str, content: bytes) -> tuple[Sequence[str], Iterator[Mapping[str, str]]]:
    """The columns in lower case, and the lines by column; a short line has empty cells.

    Raises:
        ImportRefusedError: when it is not UTF-8 or not CSV; the second also from the iterator.
    """
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ImportRefusedError(
            "not_utf8", "{name} is not UTF-8. Save it as CSV in UTF-8.", name=name
        ) from None
    head = decoded.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(decoded, newline=""), delimiter=delimiter)
    columns = [each.strip().casefold() for each in _guarded_head(name, reader)]
    return columns, _lines(name, columns, reader)


def first(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The first of these names that is a column."""
    return next((each for each in names if each in columns), None)


def _guarded_head(name: str, reader: Iterator[list[str]]) -> list[str]:
    try:
        return next(reader, [])
    except csv.Error:
        raise _broken(name) from None


def _lines(
    name: str, columns: Sequence[str], reader: Iterator[list[str]]
) -> Iterator[Mapping[str, str]]:
    try:
        for cells in reader:
            padded = [*cells, *[""] * (len(columns) - len(cells))]
            yield {column: _plain(cell) for column, cell in zip(columns, padded, strict=False)}
    except csv.Error:
        raise _broken(name) from None


def _plain(cell: str) -> str:
    """The cell without the apostrophe with which our export keeps spreadsheets from running it."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@") else text


def _broken(name: str) -> ImportRefusedError:
    return ImportRefusedError(
        "annotation_broken",
        "{name} cannot be read in this format. Export it again, or choose another format.",
        name=name,
    )


def _labeled(reference: str, category: str, line: Mapping[str, str]) -> Labeled:
    def cell(names: Sequence[str]) -> str | None:
        return next((line[each] for each in names if line.get(each)), None)

    part = cell(_SPLITS)
    source = facts(
        url=cell(URLS),
        author=cell(_AUTHORS),
        licence=cell(_LICENCES),
        tags=_tags(line.get("tags", "")),
        crawled_at=line.get("crawled_at"),
    )
    if (part or "").casefold() == HARD_NEGATIVES:
        return Labeled(reference, category, None, source, LeftOut.HARD_NEGATIVE)
    if not category:
        return Labeled(reference, None, split_word(part), source, LeftOut.NO_CATEGORY)
    return Labeled(reference, category, split_word(part), source)


def _tags(cell: str) -> list[object]:
    """Tags are a JSON list, or stand between | as in our own export."""
    if cell.startswith("["):
        try:
            listed = json.loads(cell)
        except (ValueError, RecursionError):
            return []
        return listed if isinstance(listed, list) else []
    return list(cell.split("|"))
