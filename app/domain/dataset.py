"""Splits, membership in versions, and the content hash of a version."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Split(StrEnum):
    """`test` is frozen: it is measured on, never trained on and never shown to a labeler."""

    TRAIN = "train"
    TEST = "test"


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


def provenance(round_number: int | None, *, inherited: bool) -> str:
    """How a member came: by a lead's seed or by a round, itself or as a near-duplicate."""
    way = "seed" if round_number is None else f"round {round_number}"
    return f"{way}, inherited" if inherited else way
