import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.embedding_map import COLUMNS, column_at, quotas


@given(st.lists(st.integers(0, 10_000), max_size=6), st.integers(0, 20_000))
def test_quotas_are_shares_of_what_there_is(counts: list[int], most: int) -> None:
    found = quotas(counts, most)
    assert sum(found) == min(sum(counts), most)
    assert all(0 <= given <= count for given, count in zip(found, counts, strict=True))
    if sum(counts) > most:
        exact = [count * most / sum(counts) for count in counts]
        assert all(abs(a - b) < 1 for a, b in zip(found, exact, strict=True))


def test_counts_are_not_negative() -> None:
    with pytest.raises(ValueError, match="not negative"):
        quotas([3, -1], 2)


@pytest.mark.parametrize("points", [0, 1, 7, 100_000])
def test_columns_follow_one_another_and_are_aligned(points: int) -> None:
    end = 0
    for column in COLUMNS:
        size = int(column.type[-1])
        assert column_at(column.name, points) == end
        assert end % size == 0
        end += points * column.width * size


def test_an_unknown_column_is_nowhere() -> None:
    with pytest.raises(ValueError, match="no column"):
        column_at("height", 3)
