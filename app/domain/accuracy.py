"""How sure a measured accuracy is."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

from app.domain.audit import Rate


def mean_accuracy(found: Sequence[tuple[int, int]], confidence: float = 0.95) -> Rate | None:
    """The mean of the categories' accuracies with a normal interval.

    Categories are fixed, their test pictures drawn: the variance of the mean is the sum of theirs,
    each from (right + 1) of (tested + 2). With the plain share a category of one picture would
    claim certainty.

    Args:
        found: (right, tested) of each category; those without test pictures are left out.
        confidence: How often the true mean lies inside.

    Returns:
        None when no category was tested.
    """
    tested = [(right, of) for right, of in found if of]
    if not tested:
        return None
    mean = sum(right / of for right, of in tested) / len(tested)
    smooth = ((right + 1) / (of + 2) for right, of in tested)
    variances = (share * (1 - share) / of for share, (_, of) in zip(smooth, tested, strict=True))
    half = NormalDist().inv_cdf((1 + confidence) / 2) * sqrt(sum(variances)) / len(tested)
    return Rate(mean, max(0.0, mean - half), min(1.0, mean + half))
