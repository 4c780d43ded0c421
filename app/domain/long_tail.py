"""How unevenly the pictures are spread over the categories."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FEW: Final = 20
"""A category with fewer pictures than this belongs to the tail."""


@dataclass(frozen=True)
class LongTail:
    """The spread of pictures over categories.

    Attributes:
        largest, middle, smallest: Pictures of these categories; `middle` is the median, rounded down.
        few: Categories with fewer than FEW pictures.
        gini: The Gini coefficient (1912): half the mean difference of two categories, as a share of
            the mean. 0 is equal shares; towards 1, one category has everything.
    """

    largest: int
    middle: int
    smallest: int
    few: int
    gini: float

    @property
    def ratio(self) -> float | None:
        """How many times more the largest has than the smallest; None where one has nothing."""
        return self.largest / self.smallest if self.smallest else None


def long_tail(counts: Sequence[int]) -> LongTail | None:
    """Judge the pictures of each category, in any order; None without a category."""
    if not counts:
        return None
    rising, number, total = sorted(counts), len(counts), sum(counts)
    # The sum over all pairs, in one pass over the sorted counts.
    weighted = sum((2 * rank - number + 1) * each for rank, each in enumerate(rising))
    return LongTail(
        largest=rising[-1],
        middle=rising[(number - 1) // 2],
        smallest=rising[0],
        few=sum(each < FEW for each in counts),
        gini=weighted / (number * total) if total else 0.0,
    )
