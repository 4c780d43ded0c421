"""Lists of addresses: CSV with a header, or JSON Lines. Read row by row, however long they are."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, BinaryIO

from app.domain.errors import InvalidError
from app.domain.fetching import Reason, plain_url
from app.domain.ingestion import SourceFacts, check_source
from app.domain.outbound import PrivateHosts, check_url
from app.imports.archive import shown
from app.imports.tables import URLS

LONGEST_ROW = 50_000
"""Characters: an address, a hundred tags and what else is said fit in."""
_BEGINNING = 4096
_DELIMITERS = ",;\t|"
_LICENCES = ("licence", "license")
_NOT_UTF8 = "\N{REPLACEMENT CHARACTER}"
# What no row can be: takes the place of one that is too long, so that it is counted.
_TOO_LONG = "\x00\n"


@dataclass(frozen=True)
class Listed:
    """A row that names a picture. The address is that of its source."""

    url: str
    source: SourceFacts


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be taken: what of it can be shown, and why."""

    shown: str
    reason: str
    detail: str


class _RowError(Exception):
    """The row is no row; the text says why."""


def read_addresses(file: BinaryIO, private: PrivateHosts) -> Iterator[Listed | BadRow]:
    """The rows of a list, in order; empty lines are passed over.

    Args:
        file: The list, at its beginning.
        private: The private hosts that may be fetched from.

    Raises:
        InvalidError: for `file`, when it is no list at all; says what is expected.
    """
    beginning = file.read(_BEGINNING)
    file.seek(0)
    with _text_of(file) as text:
        lines = _lines(text)
        first = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        rows = _json_rows(lines) if first == b"{" else _csv_rows(lines)
        for row in rows:
            yield _judged(row, private)


@contextmanager
def _text_of(file: BinaryIO) -> Iterator[io.TextIOWrapper]:
    # Bytes that are not UTF-8 spoil their row, not the list.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    try:
        yield text
    finally:
        # The file stays open: it is the caller's, who may have closed it meanwhile.
        with suppress(ValueError):
            text.detach()


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LONGEST_ROW):
        if len(line) == LONGEST_ROW and not line.endswith("\n"):
            while (rest := text.readline(LONGEST_ROW)) and not rest.endswith("\n"):
                pass
            yield _TOO_LONG
        else:
            yield line


# A row, by column, or what is wrong with it.
Row = Mapping[str, Any] | _RowError


def _json_rows(lines: Iterator[str]) -> Iterator[Row]:
    for line in lines:
        if line == _TOO_LONG:
            yield _RowError("This row is too long.")
        elif line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield row if isinstance(row, dict) else _RowError("This row is no JSON object.")


def _csv_rows(lines: Iterator[str]) -> Iterator[Row]:
    head = next(lines, "")
    delimiter = max(_DELIMITERS, key=head.count)
    try:
        columns = [
            each.strip().casefold() for each in next(csv.reader([head], delimiter=delimiter))
        ]
    except (csv.Error, StopIteration):
        columns = []
    if not set(URLS) & set(columns):
        raise InvalidError(
            "file",
            "Send a list of addresses: CSV in UTF-8 whose first line names its columns, one of them "
            "'url', or JSON Lines with a 'url' in each.",
        )
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield _RowError("This row is no CSV. Is a quotation mark left open?")
            continue
        if cells == [_TOO_LONG[:-1]]:
            yield _RowError("This row is too long.")
        elif any(map(str.strip, cells)):
            yield dict(zip(columns, map(str.strip, cells), strict=False))


def _judged(row: Row, private: PrivateHosts) -> Listed | BadRow:
    if isinstance(row, _RowError):
        return BadRow("", Reason.INVALID_ROW, str(row))
    url = next((row[name] for name in URLS if row.get(name)), "")
    try:
        facts = _facts(row, url)
        return Listed(check_url(facts.url or "", private), check_source(facts))
    except InvalidError as invalid:
        return BadRow(shown(str(url)), f"invalid_{invalid.field}", str(invalid))


def _facts(row: Mapping[str, Any], url: Any) -> SourceFacts:
    facts = SourceFacts(
        url=plain_url(_word("url", url) or ""),
        tags=tuple(_tags(row.get("tags"))),
        author=_word("author", row.get("author")),
        licence=_word("licence", next((row[name] for name in _LICENCES if row.get(name)), None)),
    )
    moment = _word("crawled_at", row.get("crawled_at"))
    if moment is None:
        return facts
    try:
        return replace(facts, crawled_at=datetime.fromisoformat(moment))
    except ValueError:
        raise InvalidError(
            "crawled_at",
            "Give crawled_at as a date from 1970 on with its time zone, as in 2026-01-31T12:00:00Z.",
        ) from None


def _word(field: str, value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or _NOT_UTF8 in value:
        raise InvalidError(field, "Give {field_name} as text in UTF-8.", field_name=field)
    return value.strip()


def _tags(value: Any) -> Iterator[str]:
    """A list, as JSON has it, also in a cell of CSV; or words between | as in our own export."""
    listed = value
    if isinstance(value, str):
        listed = value.split("|")
        if value.startswith("["):
            try:
                listed = json.loads(value)
            except (ValueError, RecursionError):
                listed = None
    if not isinstance(listed, list | None):
        listed = [listed]  # which is refused as no text
    for each in listed or ():
        word = _word("tags", each)
        if word:
            yield word
