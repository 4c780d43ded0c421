"""Which categories may be labeled a page at a time."""

from enum import StrEnum
from typing import Final

# The confidences of a round weigh as much as this many answers of earlier rounds.
CONFIDENCE_WEIGHT: Final = 10


class Mostly(StrEnum):
    """What most answers on a page of a grid are expected to be; the labeler marks the others."""

    YES = "yes"
    NO = "no"


def expected_precision(yes: int, no: int, mean_confidence: float) -> float:
    """The share of right proposals to expect of a category, 0..1.

    Args:
        yes: Answers to the category's proposals of earlier rounds.
        no: The same.
        mean_confidence: Of this round's proposals of the category, 0..1: what is believed before
            there are answers. With many answers it counts for little.
    """
    weighed = yes + CONFIDENCE_WEIGHT * mean_confidence
    return weighed / (yes + no + CONFIDENCE_WEIGHT)


def mostly(expected: float, above: float | None, below: float | None) -> Mostly | None:
    """How a category may be shown as a grid, if at all.

    Args:
        expected: Its expected precision.
        above: From which on it is mostly right; None never.
        below: Up to which it is mostly wrong; None never.
    """
    if above is not None and expected >= above:
        return Mostly.YES
    if below is not None and expected <= below:
        return Mostly.NO
    return None
