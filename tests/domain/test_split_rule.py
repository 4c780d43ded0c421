"""How pictures that come without a split are divided."""

import hashlib
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.dataset import Split
from app.domain.errors import InvalidError
from app.domain.split_rule import SplitRule, splits_of

digests = st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), unique=True, max_size=60)
rules = st.builds(SplitRule, st.integers(0, 50), st.integers(0, 30), st.integers(0, 12))


def pictures(number: int) -> list[str]:
    return [hashlib.sha256(str(each).encode()).hexdigest() for each in range(number)]


@pytest.mark.parametrize(
    ("number", "tests"), [(0, 0), (4, 0), (5, 0), (6, 1), (10, 2), (99, 19), (100, 20), (500, 20)]
)
def test_one_in_five_up_to_twenty_and_five_stay_to_train_on(number: int, tests: int) -> None:
    splits = splits_of(pictures(number), SplitRule())
    assert Counter(splits.values())[Split.TEST] == tests
    assert len(splits) == number


def test_a_share_is_exact() -> None:
    # 100 * 0.29 is 28.999999999999996.
    assert SplitRule(29, 1000, 0).tests_of(100) == 29


def test_the_smallest_hashes_are_test() -> None:
    ordered = sorted(pictures(20))
    splits = splits_of(pictures(20), SplitRule())
    assert [each for each in ordered if splits[each] is Split.TEST] == ordered[:4]


@given(digests, rules, st.randoms(use_true_random=False))
def test_the_order_in_which_pictures_come_does_not_matter(
    found: list[str], rule: SplitRule, chance: random.Random
) -> None:
    shuffled = [*found, *found[:3]]
    chance.shuffle(shuffled)
    assert splits_of(shuffled, rule) == splits_of(found, rule)


@given(digests, rules, st.integers(0, 60))
def test_pictures_that_come_later_fill_up_to_what_the_rule_wants(
    found: list[str], rule: SplitRule, cut: int
) -> None:
    held = Counter(splits_of(found[:cut], rule).values())
    splits = splits_of(found[cut:], rule, train=held[Split.TRAIN], test=held[Split.TEST])
    assert set(splits) == set(found[cut:])
    total = held + Counter(splits.values())
    wanted = rule.tests_of(len(found))
    assert total[Split.TEST] <= max(wanted, held[Split.TEST])
    # Short of it only where all that came is test already.
    assert total[Split.TEST] >= wanted or Split.TRAIN not in splits.values()
    assert total[Split.TRAIN] >= min(len(found), rule.least_train) or not splits


def test_more_tests_than_the_rule_wants_stay_as_they_are() -> None:
    assert set(splits_of(pictures(10), SplitRule(), train=0, test=30).values()) == {Split.TRAIN}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ((-1, 20, 5), "test_percent"),
        ((51, 20, 5), "test_percent"),
        ((20, -1, 5), "most_tests"),
        ((20, 20, 100_001), "least_train"),
    ],
)
def test_a_value_out_of_its_range_is_refused(values: tuple[int, int, int], field: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        SplitRule(*values)
    assert refusal.value.field == field
