"""Categories change: what a change is, what it does, and which categories are retired by it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.errors import InvalidError
from app.domain.names import check_name

MOST_PARTS: Final = 20


class Kind(StrEnum):
    """What happens to a category."""

    RENAME = "rename"
    MERGE = "merge"
    SPLIT = "split"
    RETIRE = "retire"


class Rest(StrEnum):
    """What becomes of pictures that a split puts into no part: they stay, or are asked again."""

    STAY = "stay"
    ASK = "ask"


@dataclass(frozen=True)
class Effect:
    """What a change does to the dataset.

    Attributes:
        examples_move: Examples that become examples of another category, in the same split.
        examples_stay: Examples of the category that stay what they are.
        examples_leave: Examples that leave the dataset.
        hard_negatives_stay: Hard negatives of the categories concerned that still hold.
        hard_negatives_added: Hard negatives that begin to hold.
        hard_negatives_leave: Hard negatives that hold no more.
        to_pool: Pictures that a round may ask about again.
    """

    examples_move: int = 0
    examples_stay: int = 0
    examples_leave: int = 0
    hard_negatives_stay: int = 0
    hard_negatives_added: int = 0
    hard_negatives_leave: int = 0
    to_pool: int = 0


@dataclass(frozen=True)
class Change:
    """A change that was made.

    Attributes:
        kind: What was done.
        category_id: To which category.
        into_id: What it was merged into.
        parts: What it was split into.
        stays: Whether the category is still one afterwards: a split may leave pictures in it.
        version: The dataset version that has the change in it.
        undone: Whether it was undone, and in which version.
        undone_version: The version that has it undone.
    """

    kind: Kind
    category_id: int
    into_id: int | None
    parts: tuple[int, ...]
    stays: bool
    version: int
    undone: bool
    undone_version: int | None

    @property
    def concerned(self) -> frozenset[int]:
        """The categories whose members it changed."""
        return frozenset({self.category_id, *self.parts, *filter(None, (self.into_id,))})


def holds(change: Change, kept: frozenset[int]) -> bool:
    """Whether a change is in force.

    Args:
        change: The change.
        kept: The versions that the newest has grown out of (`domain.dataset.lineage`): going back
            to a version from before a change ends it, going forward again begins it. Names are
            not part of that.
    """
    if change.kind is Kind.RENAME:
        return not change.undone
    made = not change.version or change.version in kept
    return made and not (
        change.undone and (not change.undone_version or change.undone_version in kept)
    )


def retired(changes: Iterable[Change], kept: frozenset[int]) -> frozenset[int]:
    """The categories that are retired, by all changes of a project; arguments as of `holds`."""
    found: set[int] = set()
    for change in changes:
        if change.kind is Kind.RENAME:
            continue
        if not holds(change, kept):
            found.update(change.parts)
        elif not change.stays:
            found.add(change.category_id)
    return frozenset(found)


@dataclass(frozen=True)
class Part:
    """A part of a split: the name of a new category, and the content hashes of its pictures."""

    name: str
    pictures: tuple[str, ...]


def check_parts(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts under tidy names.

    Raises:
        InvalidError: for no part or more than 20, an unusable name or one that two parts have, a
            part without pictures, or a picture in two parts.
    """
    if not 1 <= len(parts) <= MOST_PARTS:
        raise InvalidError("parts", "Give 1 to {most} parts.", most=MOST_PARTS)
    tidy = tuple(Part(check_name("name", part.name), part.pictures) for part in parts)
    names, pictures = set[str](), set[str]()
    for part in tidy:
        if part.name.lower() in names:
            raise InvalidError("parts", "Two parts are called {name!r}.", name=part.name)
        if not part.pictures:
            raise InvalidError(
                "parts", "The part {name!r} has no picture. Give it one.", name=part.name
            )
        if len(set(part.pictures)) < len(part.pictures) or not pictures.isdisjoint(part.pictures):
            raise InvalidError("parts", "A picture is in two parts. Leave it in one.")
        names.add(part.name.lower())
        pictures.update(part.pictures)
    return tidy
