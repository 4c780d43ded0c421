"""The map of a round: its pictures as points in the plane, and how they are stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Final

MOST_POINTS: Final = 100_000
# A category that the model does not know (it was created later), or none.
NO_CATEGORY: Final = 65_535
# A picture without a confidence: nobody proposed it.
NO_CONFIDENCE: Final = 255


class PointKind(IntEnum):
    """What a picture was to a round. The numbers are stored."""

    TRAINING = 0
    ACCEPTED = 1
    REJECTED = 2
    OPEN = 3
    OTHER = 4


@dataclass(frozen=True)
class Column:
    """A column of the stored points: an array after the one before it, without gaps.

    Attributes:
        name: What it holds.
        type: As numpy writes it, little-endian.
        width: Values for each point.
    """

    name: str
    type: str
    width: int = 1


# Wide types first: each array begins where browsers may look at it without a copy.
COLUMNS: Final = (
    Column("pca", "<f4", 2),
    Column("neighbours", "<f4", 2),
    Column("image", "<u4"),
    Column("round", "<u2"),
    Column("category", "<u2"),
    Column("kind", "<u1"),
    Column("confidence", "<u1"),
)
HASH_BYTES: Final = 32


def column_at(name: str, points: int) -> int:
    """Where a column begins, in bytes, among those of so many points."""
    start = 0
    for column in COLUMNS:
        if column.name == name:
            return start
        start += points * column.width * int(column.type[-1])
    raise ValueError(f"There is no column {name!r}.")


def without_points(stored: bytes, points: int, places: Iterable[int]) -> bytes:
    """The stored columns without the points at these places."""
    leave = frozenset(places)
    parts, start = [], 0
    for column in COLUMNS:
        size = column.width * int(column.type[-1])
        parts += [
            stored[start + place * size : start + (place + 1) * size]
            for place in range(points)
            if place not in leave
        ]
        start += points * size
    return b"".join(parts)


def points_key(digest: str) -> str:
    """Where the points are stored that have this SHA-256."""
    return f"maps/{digest}.points"


def images_key(digest: str) -> str:
    """Where the points' content hashes are stored, of which this is the SHA-256."""
    return f"maps/{digest}.images"


def quotas(counts: Sequence[int], most: int) -> list[int]:
    """How many of each group are drawn, so that there are `most` at most.

    All, where there is room; else each group gives up the same share, to the nearest whole number.

    Raises:
        ValueError: a count is negative.
    """
    if min(counts, default=0) < 0:
        raise ValueError(f"Counts of pictures are not negative: {list(counts)}.")
    total = sum(counts)
    if total <= most:
        return list(counts)
    ends = [sum(counts[:place]) * most // total for place in range(len(counts) + 1)]
    return [end - start for start, end in pairwise(ends)]
