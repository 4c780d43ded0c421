"""The content hash of a version."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.dataset import Member, Split, content_hash

members = st.sets(
    st.builds(
        Member,
        sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
        category=st.sampled_from(["aster", "gentian", "gentian (spring)"]),
        split=st.sampled_from([*Split, None]),
    ),
    max_size=12,
)


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
