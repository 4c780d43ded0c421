"""Lists of categories that people write: read, compared with those of the project, judged line by line."""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Final

from app.domain.errors import InvalidError, TooLargeError
from app.domain.names import check_definition, check_name

MOST_BYTES: Final = 2_000_000
MOST_LINES: Final = 5_000
MOST_COLUMNS: Final = 100
MOST_LOOK_ALIKES: Final = 50
MOST_TOLD: Final = 3  # unknown look-alikes of one line
NAME: Final = "name"
SCIENTIFIC_NAME: Final = "scientific_name"
DEFINITION: Final = "definition"
LOOK_ALIKES: Final = "look_alikes"
# A column is known by its letters alone: "Scientific name" and "scientific_name" are one.
COLUMNS: Final = {
    column.replace("_", ""): column for column in (NAME, SCIENTIFIC_NAME, DEFINITION, LOOK_ALIKES)
}
_DELIMITERS: Final = "\t;,"


@dataclass(frozen=True)
class Listed:
    """What one line of a list says about a category; what it leaves empty is not said."""

    line: int
    name: str
    scientific_name: str = ""
    definition: str = ""
    look_alikes: tuple[str, ...] = ()
    problems: tuple[InvalidError, ...] = ()


@dataclass(frozen=True)
class CategoryList:
    """A list as it was read.

    Attributes:
        columns: Those of its header that are known. Without a header each line is a name.
        ignored: The other columns, as they are written.
        lines: In the order of the list; empty ones are left out.
    """

    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    lines: tuple[Listed, ...]


@dataclass(frozen=True)
class Written:
    """What is written about a category of the project already."""

    name: str
    scientific_name: str = ""
    definition: str = ""
    look_alikes: tuple[str, ...] = ()


class Outcome(StrEnum):
    """What a line comes to."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Judged:
    """A line with what it comes to.

    Attributes:
        listed: The line, its values made tidy.
        outcome: What saving would do.
        changes: Fields that get another value.
        problems: Why the list cannot be saved; each names its field.
    """

    listed: Listed
    outcome: Outcome
    changes: tuple[str, ...] = ()
    problems: tuple[InvalidError, ...] = ()


def key_of(name: str) -> str:
    """Names that differ in case or white space alone are one."""
    return " ".join(name.split()).lower()


def read_category_list(content: bytes) -> CategoryList:
    """Read a CSV file with a header, or a plain list with a name on each line.

    The header's columns come in any order and case; comma, semicolon or tab lies between. Look-alikes
    are names with semicolons between them.

    Raises:
        TooLargeError: above MOST_BYTES.
        InvalidError: when it is no text in UTF-8, has more than MOST_LINES, no line at all, a header
            with a column twice or without names, or quotes that do not end.
    """
    text = _decoded(content)
    if (header := _header(text)) is None:
        rows = _plain(text)
        columns: tuple[str, ...] = (NAME,)
        ignored: tuple[str, ...] = ()
    else:
        cells, delimiter = header
        known = [COLUMNS.get(_letters(cell)) for cell in cells]
        columns = _known_once(known)
        ignored = tuple(
            cell.strip()
            for cell, name in zip(cells, known, strict=True)
            if not name and cell.strip()
        )
        rows = _table(text, delimiter, known)
    return CategoryList(columns, ignored, _limited(rows))


def _decoded(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise TooLargeError(
            "The list is larger than {most} bytes. Cut it into several.", most=f"{MOST_BYTES:,}"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidError(
            "file",
            "Line {line} is not text in UTF-8. Save the list as CSV in UTF-8, then give it again.",
            line=line,
        ) from None
    if "\0" in text:
        raise InvalidError(
            "file",
            "This is no text: it has NUL characters. Save the list as CSV in UTF-8, then give it again.",
        )
    return text


def _header(text: str) -> tuple[list[str], str] | None:
    """The cells of the first line and what lies between them, if it is a header."""
    first = next((line for line in re.split(r"\r\n|\r|\n", text) if line.strip()), "")
    found = [(_cells(first, each), each) for each in _DELIMITERS]
    known = [sum(_letters(cell) in COLUMNS for cell in cells) for cells, _ in found]
    best = max(known)
    # "Definition" alone may be a name; a line with two known columns is a header without names.
    cells, delimiter = found[known.index(best)]
    named = any(_letters(cell) == NAME for cell in cells)
    if named or best > 1:
        # Of one column alone nothing says what lies between: a comma is what CSV means.
        return cells, "," if len(cells) == 1 else delimiter
    return None


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _letters(cell: str) -> str:
    return re.sub(r"[\s_-]", "", cell).lower()


def _known_once(known: Sequence[str | None]) -> tuple[str, ...]:
    if len(known) > MOST_COLUMNS:
        raise InvalidError(
            "file", "The header has more than {most} columns. Leave some out.", most=MOST_COLUMNS
        )
    columns = [each for each in known if each]
    for column in columns:
        if columns.count(column) > 1:
            raise InvalidError(
                "file", "The header has the column {column!r} twice. Leave one out.", column=column
            )
    if NAME not in columns:
        raise InvalidError("file", "The header has no column 'name'. Add it, then give it again.")
    return tuple(columns)


def _plain(text: str) -> Iterator[Listed]:
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if line.strip():
            yield Listed(number, line.strip())


def _table(text: str, delimiter: str, columns: Sequence[str | None]) -> Iterator[Listed]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    before, header = 0, True
    try:
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if header:
                header = False
                continue
            yield _listed(line, cells, columns)
    except csv.Error:
        raise InvalidError(
            "file",
            "The quotes from line {line} on do not end, or something follows them. "
            'Write a quote inside a cell twice: "".',
            line=before + 1,
        ) from None


def _listed(line: int, cells: Sequence[str], columns: Sequence[str | None]) -> Listed:
    values = {
        column: cell.strip()
        for column, cell in zip(columns, cells, strict=False)
        if column is not None
    }
    listed = Listed(
        line,
        values.get(NAME, ""),
        values.get(SCIENTIFIC_NAME, ""),
        values.get(DEFINITION, ""),
        tuple(filter(None, map(str.strip, values.get(LOOK_ALIKES, "").split(";")))),
    )
    if not any(cell.strip() for cell in cells[len(columns) :]):
        return listed
    return replace(
        listed,
        problems=(
            InvalidError(
                NAME,
                "This line has {cells} cells, the header has {columns}. "
                "Put quotes round a cell that has a comma, semicolon or tab inside.",
                cells=len(cells),
                columns=len(columns),
            ),
        ),
    )


def _limited(rows: Iterator[Listed]) -> tuple[Listed, ...]:
    lines: list[Listed] = []
    for listed in rows:
        if len(lines) == MOST_LINES:
            raise InvalidError(
                "file", "The list has more than {most} lines. Cut it into several.", most=MOST_LINES
            )
        lines.append(listed)
    if not lines:
        raise InvalidError("file", "The list is empty. Give a name on each line.")
    return tuple(lines)


def judge(lines: Sequence[Listed], written: Mapping[str, Written]) -> list[Judged]:
    """What each line comes to.

    A category of the project with the same name changes only where the line gives a value. A
    look-alike is a category of the project, or one of the list, also of a later line.

    Args:
        lines: The list.
        written: What is written already, by `key_of` the name.
    """
    first: dict[str, int] = {}
    for each in lines:
        first.setdefault(key_of(each.name), each.line)
    known = first.keys() | written.keys()
    return [_judged(each, first[key_of(each.name)], written, known) for each in lines]


def _judged(
    listed: Listed, first: int, written: Mapping[str, Written], known: Collection[str]
) -> Judged:
    listed, problems = _tidied(listed)
    if key_of(listed.name) and listed.line != first:
        problems.append(
            InvalidError(NAME, "This name is in line {line} already. Leave one out.", line=first)
        )
    if len(listed.look_alikes) > MOST_LOOK_ALIKES:
        problems.append(
            InvalidError(LOOK_ALIKES, "Name at most {most} look-alikes.", most=MOST_LOOK_ALIKES)
        )
    unknown = [each for each in listed.look_alikes if key_of(each) not in known]
    problems += [
        InvalidError(
            LOOK_ALIKES,
            "There is no category {name!r}, neither in the project nor in this list.",
            name=each,
        )
        for each in unknown[:MOST_TOLD]
    ]
    if problems:
        return Judged(listed, Outcome.PROBLEM, problems=tuple(problems))
    before = written.get(key_of(listed.name))
    if before is None:
        return Judged(listed, Outcome.CREATED)
    changes = _changes(listed, before)
    outcome = Outcome.CHANGED if changes else Outcome.UNCHANGED
    return Judged(replace(listed, name=before.name), outcome, changes)


def _tidied(listed: Listed) -> tuple[Listed, list[InvalidError]]:
    """The line with tidy values, and what is wrong with those that cannot be."""
    checks: dict[str, Callable[[str], str]] = {
        NAME: partial(check_name, NAME),
        SCIENTIFIC_NAME: partial(check_name, SCIENTIFIC_NAME),
        DEFINITION: check_definition,
    }
    tidy, problems = {each: str(getattr(listed, each)) for each in checks}, list(listed.problems)
    for column, check in checks.items():
        if tidy[column] or column == NAME:
            try:
                tidy[column] = check(tidy[column])
            except InvalidError as problem:
                problems.append(problem)
    return replace(
        listed,
        name=tidy[NAME],
        scientific_name=tidy[SCIENTIFIC_NAME],
        definition=tidy[DEFINITION],
    ), problems


def _changes(listed: Listed, before: Written) -> tuple[str, ...]:
    """The fields for which the line gives another value than there is."""
    own = key_of(listed.name)
    given = {key_of(each) for each in listed.look_alikes} - {own}
    changed = {
        SCIENTIFIC_NAME: listed.scientific_name not in {"", before.scientific_name},
        DEFINITION: listed.definition not in {"", before.definition},
        LOOK_ALIKES: bool(given) and given != {key_of(each) for each in before.look_alikes},
    }
    return tuple(name for name, differs in changed.items() if differs)
