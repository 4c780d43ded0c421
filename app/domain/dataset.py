"""Splits, membership in versions, and the content hash of a version."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Split(StrEnum):
    """`test` is frozen: it is measured on, never trained on and never shown to a labeler."""

    TRAIN = "train"
    TEST = "test"


class Cause(StrEnum):
    """What made a dataset version; UNKNOWN only where it was made before that was written down.

    EDITS are what changes one by one between versions and no seed is among: answers that a lead
    put right, names, near-duplicates.
    """

    SEEDS = "seeds"
    EDITS = "edits"
    ROUND = "round"
    CATEGORY_CHANGE = "category-change"
    CATEGORY_UNDO = "category-undo"
    TAKEDOWN = "takedown"
    WITHDRAWAL = "withdrawal"
    RESTORE = "restore"
    ROLL_BACK = "roll-back"
    UNKNOWN = "unknown"


@dataclass(frozen=True, order=True)
class Member:
    """One line of a dataset version. `split` is None for a hard negative."""

    sha256: str
    category: str
    split: Split | None


def content_hash(members: Iterable[Member]) -> str:
    """SHA-256 over the sorted lines of S and H: equal datasets have equal hashes, whoever built them."""
    lines = sorted(f"{m.split or 'hard-negative'}\t{m.sha256}\t{m.category}" for m in members)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def lineage(restores: Mapping[int, int | None]) -> frozenset[int]:
    """The versions that the newest one has grown out of, itself among them.

    Each grows out of the one before it; one that brought another back grows out of that one, and
    what lies between is not part of its history any more.

    Args:
        restores: By each version's number the one that it brought back, if it did.
    """
    kept, number = set(), max(restores, default=0)
    while number:
        kept.add(number)
        number = restores.get(number) or number - 1
    return frozenset(kept)


def made_by(cause: Cause, round_number: int | None, restores: int | None) -> str:
    """What made a version, for whoever reads an export of it."""
    if cause is Cause.ROUND:
        return f"round {round_number}"
    return f"{cause} to version {restores}" if cause is Cause.ROLL_BACK else cause.value


def provenance(round_number: int | None, *, inherited: bool) -> str:
    """How a member came: by a lead's seed or by a round, itself or as a near-duplicate."""
    way = "seed" if round_number is None else f"round {round_number}"
    return f"{way}, inherited" if inherited else way
