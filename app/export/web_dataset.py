"""WebDataset shards in a tar: unpack it, or read the shards where they lie.

A sample is `<sha256>.jpg` with `.cls`, the label, and `.json`, the line of the manifest. Hard
negatives have shards of their own and `.not` instead of `.cls`: nobody trains on them by mistake.
"""

from collections.abc import Iterator
from functools import partial

from app.export.members import (
    Member,
    about_member,
    json_line,
    licences,
    picture,
    small,
    spooled,
)
from app.export.rows import Part, Row, Selection, manifest_line
from app.export.tar_archive import tar_archive, tar_size

MOST_SAMPLES = 1_000  # in a shard; so many rows are held at a time
MOST_BYTES = 256 << 20


def web_dataset_tar(selection: Selection) -> Iterator[bytes]:
    """The tar of tars."""
    return tar_archive(_members(selection), selection.about.frozen_at)


def _members(selection: Selection) -> Iterator[Member]:
    yield about_member(selection)
    for part in Part:
        for number, rows in enumerate(_shards(selection, part)):
            yield _shard(selection, f"{part}-{number:06}.tar", rows)
    yield spooled("LICENCES.csv", licences(selection, _name))


def _shards(selection: Selection, part: Part) -> Iterator[list[Row]]:
    held: list[Row] = []
    size = 0
    for row in selection.rows():
        if row.part != part:
            continue
        if held and (len(held) == MOST_SAMPLES or size + row.size > MOST_BYTES):
            yield held
            held, size = [], 0
        held.append(row)
        size += row.size
    if held:
        yield held


def _shard(selection: Selection, name: str, rows: list[Row]) -> Member:
    members = [member for row in rows for member in _sample(selection, row)]
    moment = selection.about.frozen_at
    return Member(name, tar_size(members, moment), partial(tar_archive, members, moment))


def _sample(selection: Selection, row: Row) -> Iterator[Member]:
    label = "not" if row.is_hard_negative else "cls"
    yield picture(selection, row, _name(row))
    yield small(f"{row.key}.{label}", str(row.label).encode())
    yield small(f"{row.key}.json", json_line(manifest_line(row, _name(row))))


def _name(row: Row) -> str:
    return f"{row.key}{row.suffix}"
