"""How many labelers a proposal is shown to, and what their answers come to."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from app.domain.consensus import majority
from app.domain.decision import Answer

MOST_LABELERS: Final = 5

# A single answer is the more at risk the less the model and earlier rounds say which one to expect:
# where about half of a category's proposals are right, or the model itself is not sure.
RISKY_PRECISION: Final = (0.3, 0.7)
RISKY_CONFIDENCE: Final = 0.6


class RedundancyFor(StrEnum):
    """Which proposals of a round are shown to several labelers."""

    ALL = "all"
    RISK = "risk"


class Consensus(StrEnum):
    """What the answers to a proposal come to."""

    OPEN = "open"
    YES = "yes"
    NO = "no"
    TIE = "tie"


def consensus(votes: Sequence[Answer], wanted: int, *, others: bool) -> Consensus:
    """What yes and no by different people come to.

    Args:
        votes: One a person.
        wanted: How many of them the proposal needs.
        others: Whether there is anybody left to ask. Without, what was said has to do.
    """
    if not votes or (len(votes) < wanted and others):
        return Consensus.OPEN
    found = majority(votes)
    return Consensus.TIE if found is None else Consensus(found.value)
