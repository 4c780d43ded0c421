"""Step 2 of the loop: what becomes a proposal, and in which order labelers meet it."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from app.domain.proposing import Score, labeling_order, propose

ids = st.integers(1, 8)
confidences = st.one_of(st.just(0.5), st.floats(0, 1))
scores_of_a_pool = st.lists(
    st.builds(Score, image_id=st.integers(1, 40), category_id=ids, confidence=confidences),
    unique_by=lambda score: score.image_id,
)


@given(
    scores=scores_of_a_pool,
    rejected=st.sets(st.tuples(st.integers(1, 40), ids)),
    withheld=st.sets(st.integers(1, 40)),
    threshold=confidences,
)
def test_it_keeps_exactly_what_a_plain_loop_keeps(
    scores: list[Score],
    rejected: set[tuple[int, int]],
    withheld: set[int],
    threshold: float,
) -> None:
    kept = list(propose(scores, threshold=threshold, rejected=rejected, withheld=withheld))
    expected = []
    for score in scores:
        if score.confidence <= threshold:
            continue
        if score.image_id in withheld:
            continue
        if (score.image_id, score.category_id) in rejected:
            continue
        expected.append(score)
    assert kept == expected


def test_the_threshold_itself_is_not_enough() -> None:
    at, above = Score(1, 1, 0.5), Score(2, 1, 0.5000001)
    assert list(propose([at, above], threshold=0.5, rejected=(), withheld=())) == [above]


def test_an_image_rejected_for_one_category_may_be_proposed_for_another() -> None:
    scores = [Score(7, 1, 0.9), Score(8, 2, 0.9)]
    kept = propose(scores, threshold=0.5, rejected={(7, 2), (8, 2)}, withheld=())
    assert list(kept) == [Score(7, 1, 0.9)]


@given(scores_of_a_pool, st.randoms(use_true_random=False))
def test_the_labeling_order_is_total(scores: list[Score], chance: random.Random) -> None:
    order = {category: 9 - category for category in range(1, 9)}
    shuffled = scores[:]
    chance.shuffle(shuffled)
    assert labeling_order(shuffled, order) == labeling_order(scores, order)


@given(scores_of_a_pool)
def test_one_category_after_the_other_the_surest_first(scores: list[Score]) -> None:
    order = {category: category for category in range(1, 9)}
    arranged = labeling_order(scores, order)
    assert sorted(arranged, key=lambda s: s.image_id) == sorted(scores, key=lambda s: s.image_id)
    for before, after in itertools.pairwise(arranged):
        assert before.category_id <= after.category_id
        if before.category_id == after.category_id:
            assert (before.confidence, -before.image_id) > (after.confidence, -after.image_id)
