"""The coarse filter: what a project keeps of its pool, and what the filter is made of."""

import json
import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from app.domain.errors import InvalidError

BINS: Final = 100  # of domain scores; a threshold is an edge between two of them
HIGHEST: Final = (BINS - 1) / BINS
LEAST: Final = 10  # pictures of either kind: fewer tell nothing that holds
MOST_FILE: Final = 5_000_000  # bytes of a filter's file
MOST: Final = 10_000  # of either kind that are trained on; more would not change the answer

_FORMAT: Final = "coarse-filter-1"
_LENGTH: Final = 8  # bytes in front of a safetensors header that say how long it is


class NegativeOrigin(StrEnum):
    """Where a negative came from."""

    GIVEN = "given"
    GENERIC = "generic"
    MARKED = "marked"


class FilterOrigin(StrEnum):
    """Where a filter came from."""

    TRAINED = "trained"
    UPLOADED = "uploaded"


def check_threshold(value: float) -> float:
    """A domain threshold: 0 lets everything pass.

    Raises:
        InvalidError: unless it is a hundredth from 0 to 0.99.
    """
    bin_ = round(value * BINS) if abs(value) <= 1 else -1
    if not 0 <= bin_ < BINS or abs(value - bin_ / BINS) > 1e-9:  # noqa: PLR2004 - of rounding
        raise InvalidError("threshold", "Give a threshold in hundredths, from 0 to 0.99.")
    return bin_ / BINS


def edges() -> list[float]:
    """The edges between the bins, as thresholds are stored."""
    return [edge / BINS for edge in range(1, BINS)]


def share_kept(bins: Sequence[int], threshold: float) -> float | None:
    """The share of what was counted in bins that has at least this score; None of nothing."""
    total = sum(bins)
    return sum(bins[round(threshold * BINS) :]) / total if total else None


def even_sample(groups: Sequence[int], most: int, seed: int) -> list[int]:
    """Indices of at most `most` members, as evenly from the groups as these allow, in order.

    With a seed the same members are drawn each time.
    """
    order = list(range(len(groups)))
    random.Random(seed).shuffle(order)  # noqa: S311 - a sample, not a secret
    if len(order) <= most:
        return sorted(order)
    taken: dict[int, int] = {}
    turns = []
    for index in order:
        turn = taken.get(groups[index], 0)
        taken[groups[index]] = turn + 1
        turns.append((turn, index))
    # The first of each group, then the second of each; the sort keeps the random order within.
    return sorted(index for _, index in sorted(turns, key=lambda each: each[0])[:most])


def facts_in(content: bytes) -> dict[str, Any]:
    """What the header of a filter's file tells; its numbers are for a worker to look at.

    Raises:
        InvalidError: when it is no file of a filter.
    """
    length = int.from_bytes(content[:_LENGTH], "little")
    try:
        header = json.loads(content[_LENGTH : _LENGTH + length])
        facts = json.loads(header["__metadata__"]["vetted"])
        if facts.pop("format") == _FORMAT and _is_whole(facts):
            return dict(facts)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        pass
    raise InvalidError(
        "file",
        "This is not the file of a coarse filter. Choose one that was downloaded from a project.",
    )


def _is_whole(facts: dict[str, Any]) -> bool:
    counts = (facts["positive_bins"], facts["negative_bins"])
    numbers = [facts["positives"], facts["negatives"], *(each for bins in counts for each in bins)]
    return (
        isinstance(facts["fingerprint"], str)
        and all(len(bins) == BINS for bins in counts)
        and all(type(each) is int and 0 <= each < 2**31 for each in numbers)
        and 0 <= facts["auc"] <= 1
        and facts["l2"] >= 0
    )
