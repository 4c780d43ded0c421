"""Splits of folders, and the content hash of a version."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.dataset import Member, Split, content_hash, split_folder

names = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True, max_size=40
)
counts = st.integers(0, 12)
members = st.sets(
    st.builds(
        Member,
        sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
        category=st.sampled_from(["aster", "gentian", "gentian (spring)"]),
        split=st.sampled_from([*Split, None]),
    ),
    max_size=12,
)


@given(names, counts, counts)
def test_a_split_is_disjoint_and_complete(files: list[str], seeds: int, tests: int) -> None:
    parts = split_folder(files, seeds=seeds, tests=tests)
    assert sorted(name for part in parts for name in part) == sorted(files)


@given(names, counts, counts, st.randoms(use_true_random=False))
def test_a_split_depends_on_names_only(
    files: list[str], seeds: int, tests: int, chance: random.Random
) -> None:
    shuffled = files[:]
    chance.shuffle(shuffled)
    wanted = split_folder(files, seeds=seeds, tests=tests)
    assert split_folder(shuffled, seeds=seeds, tests=tests) == wanted


@given(names.filter(bool), st.integers(1, 12), counts)
def test_seeds_come_first_then_test_then_the_pool(files: list[str], seeds: int, tests: int) -> None:
    seed, test, pool = split_folder(files, seeds=seeds, tests=tests)
    assert len(seed) == min(seeds, len(files)) >= 1
    assert len(test) == min(tests, len(files) - len(seed))
    assert len(pool) == len(files) - len(seed) - len(test)


def test_the_rule_is_the_one_that_is_written_down() -> None:
    # sha256: c < a < b (2e7d..., ca97..., 3e23...) is not the alphabetical order.
    assert split_folder(["a", "b", "c"], seeds=1, tests=1) == (["b"], ["c"], ["a"])


def test_a_name_that_is_no_text_is_split_too() -> None:
    odd = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    assert split_folder([odd], seeds=1, tests=1) == ([odd], [], [])


@given(members, st.randoms(use_true_random=False))
def test_the_hash_does_not_depend_on_the_order(of: set[Member], chance: random.Random) -> None:
    listed = list(of)
    chance.shuffle(listed)
    assert content_hash(listed) == content_hash(of)


@given(members, members)
def test_different_datasets_have_different_hashes(one: set[Member], other: set[Member]) -> None:
    assert (content_hash(one) == content_hash(other)) == (one == other)


@pytest.mark.parametrize(
    "changed",
    [
        Member("a" * 64, "aster", Split.TEST),
        Member("a" * 64, "aster", None),
        Member("a" * 64, "gentian", Split.TRAIN),
        Member("b" * 64, "aster", Split.TRAIN),
    ],
)
def test_every_part_of_a_member_shows_in_the_hash(changed: Member) -> None:
    assert content_hash([changed]) != content_hash([Member("a" * 64, "aster", Split.TRAIN)])
