"""How unevenly pictures are spread over categories."""

import random

import pytest

from app.domain.long_tail import LongTail, long_tail


def naive_gini(counts: list[int]) -> float:
    """Half the mean difference of two, as a share of the mean: over all pairs."""
    number, total = len(counts), sum(counts)
    apart = sum(abs(one - other) for one in counts for other in counts)
    return apart / (2 * number * total) if total else 0.0


def test_equal_shares_have_no_tail() -> None:
    assert long_tail([7, 7, 7]) == LongTail(7, 7, 7, few=3, gini=0)
    assert long_tail([]) is None


def test_nothing_at_all_is_spread_evenly() -> None:
    found = long_tail([0, 0])
    assert found == LongTail(0, 0, 0, few=2, gini=0)
    assert found.ratio is None


def test_one_that_has_everything() -> None:
    found = long_tail([0] * 99 + [500])
    assert found is not None
    assert found.gini == pytest.approx(0.99)
    assert (found.largest, found.middle, found.smallest, found.few) == (500, 0, 0, 99)


def test_the_ratio_and_the_median_are_of_the_sorted_counts() -> None:
    found = long_tail([20, 5, 40, 19])
    assert found is not None
    assert (found.ratio, found.middle, found.few) == (8, 19, 2)


def test_the_coefficient_is_that_of_all_pairs() -> None:
    chance = random.Random(3)  # noqa: S311 - any numbers will do
    for _ in range(20):
        counts = [chance.randrange(50) for _ in range(chance.randrange(1, 30))]
        found = long_tail(counts)
        assert found is not None
        assert found.gini == pytest.approx(naive_gini(counts))
