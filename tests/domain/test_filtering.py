from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidError
from app.domain.filtering import BINS, check_threshold, edges, even_sample, share_kept


@pytest.mark.parametrize("hundredths", range(BINS))
def test_each_hundredth_is_a_threshold_and_an_edge(hundredths: int) -> None:
    threshold = check_threshold(float(f"0.{hundredths:02}"))
    assert threshold == ([0.0, *edges()])[hundredths]


@pytest.mark.parametrize("value", [-0.01, 1.0, 0.505, 7.0, float("inf"), float("nan"), -1e300])
def test_what_is_no_hundredth_below_one_is_refused(value: float) -> None:
    with pytest.raises(InvalidError, match="in hundredths"):
        check_threshold(value)


def test_what_a_threshold_keeps() -> None:
    bins = [1] * 25 + [0] * 50 + [3] * 25
    assert share_kept(bins, 0) == 1
    assert share_kept(bins, 0.24) == 76 / 100
    assert share_kept(bins, 0.5) == 0.75
    assert share_kept([0] * 100, 0.5) is None


@given(st.lists(st.integers(0, 6), max_size=60), st.integers(0, 40), st.integers(0, 3))
def test_a_sample_is_as_even_as_its_groups_allow(groups: list[int], most: int, seed: int) -> None:
    rows = even_sample(groups, most, seed)
    assert rows == sorted(set(rows)) == even_sample(groups, most, seed)
    assert len(rows) == min(most, len(groups))
    there, drawn = Counter(groups), Counter(groups[row] for row in rows)
    for group, size in there.items():
        # Whoever got fewer than another had no more to give.
        assert drawn[group] == size or drawn[group] >= max(drawn.values(), default=0) - 1
