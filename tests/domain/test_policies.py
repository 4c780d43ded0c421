"""Which candidates a round visits: the pool is played through, round after round."""

import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.round import BUCKETS, Policy, bucket_of, buckets_visited

subsets = st.integers(1, 1000)
buckets = st.lists(st.integers(0, BUCKETS - 1), min_size=1, max_size=60)


def visit(pool: dict[int, int], seen: set[int], policy: Policy, subsets: int, ordinal: int) -> set:
    """The names of the candidates (name -> bucket) that a round takes."""
    reach = buckets_visited(policy, subsets, ordinal)
    taken = {name for name, bucket in pool.items() if bucket < reach}
    return taken - seen if policy is Policy.DISJOINT else taken


@given(places=buckets, subsets=st.integers(1, 12))
def test_disjoint_visits_every_candidate_exactly_once_in_k_rounds(
    places: list[int], subsets: int
) -> None:
    pool, seen = dict(enumerate(places)), set()
    for ordinal in range(1, subsets + 1):
        taken = visit(pool, seen, Policy.DISJOINT, subsets, ordinal)
        assert not taken & seen
        seen |= taken
    assert seen == set(pool)
    assert visit(pool, seen, Policy.DISJOINT, subsets, subsets + 1) == set()


@given(places=buckets, late=buckets, subsets=st.integers(1, 12), data=st.data())
def test_late_arrivals_are_not_stranded(
    places: list[int], late: list[int], subsets: int, data: st.DataObject
) -> None:
    arrival = data.draw(st.integers(1, subsets + 1), label="round before which they arrive")
    pool, seen = dict(enumerate(places)), set()
    for ordinal in range(1, subsets + 2):
        if ordinal == arrival:
            pool |= {len(places) + index: bucket for index, bucket in enumerate(late)}
        seen |= visit(pool, seen, Policy.DISJOINT, subsets, ordinal)
    assert seen == set(pool)


@given(subsets=subsets, ordinal=st.integers(1, 2000))
@example(subsets=1000, ordinal=999)
def test_the_reach_grows_and_ends_with_the_whole_pool(subsets: int, ordinal: int) -> None:
    before = buckets_visited(Policy.DISJOINT, subsets, ordinal)
    after = buckets_visited(Policy.DISJOINT, subsets, ordinal + 1)
    assert 0 < before <= after <= BUCKETS
    assert (before == BUCKETS) == (ordinal >= subsets)


@given(subsets=subsets)
def test_the_parts_are_equal_within_one_bucket(subsets: int) -> None:
    reach = [0, *(buckets_visited(Policy.DISJOINT, subsets, i) for i in range(1, subsets + 1))]
    sizes = {after - before for before, after in itertools.pairwise(reach)}
    assert max(sizes) - min(sizes) <= 1


@given(subsets=subsets, ordinal=st.integers(1, 2000))
def test_rescore_takes_the_whole_pool_each_time(subsets: int, ordinal: int) -> None:
    assert buckets_visited(Policy.RESCORE, subsets, ordinal) == BUCKETS


@given(st.binary(min_size=32, max_size=32))
def test_the_bucket_is_the_beginning_of_the_content_hash(digest: bytes) -> None:
    assert bucket_of(digest.hex()) == digest[0] * 256 + digest[1] < BUCKETS
