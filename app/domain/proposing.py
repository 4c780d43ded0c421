"""From scores to proposals: step 2 of the loop."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """The most likely category of one candidate; or a question whose answer is known.

    Where that is an earlier answer, `audits` is the id of its decision.
    """

    image_id: int
    category_id: int
    confidence: float
    gold: str | None = None
    audits: int | None = None


def propose(
    scores: Iterable[Score],
    *,
    threshold: float,
    rejected: Collection[tuple[int, int]],
    withheld: Collection[int],
) -> Iterator[Score]:
    """Keep the scores that become proposals, in the order they come.

    Args:
        scores: One per candidate.
        threshold: A proposal needs a confidence above it (0.5 in the paper).
        rejected: (image id, category id) pairs that a labeler has answered with no: never asked again.
        withheld: Ids of images that nobody may see: near-duplicates of the frozen test split.
    """
    for score in scores:
        if (
            score.confidence > threshold
            and score.image_id not in withheld
            and (score.image_id, score.category_id) not in rejected
        ):
            yield score


def labeling_order(proposals: Iterable[Score], category_order: dict[int, int]) -> list[Score]:
    """One category after the other, so that a labeler keeps one definition in mind; the surest first.

    The order is total (image id last), so that two runs of a round ask in the same order.
    """
    return sorted(
        proposals, key=lambda s: (category_order[s.category_id], -s.confidence, s.image_id)
    )
