"""What an accepted image costs, and what it will probably cost in the next round."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import fmean, stdev
from typing import Final

LONGEST: Final = 60.0
"""Seconds that one answer counts at most: who takes longer has left the seat for a while."""

NEWEST: Final = 5
"""Closed rounds that a forecast looks back on: older ones had another model and another pool."""

LEAST: Final = 2
"""Closed rounds that a forecast needs: from one alone nobody knows how much rounds differ."""

CONFIDENCE: Final = 0.8
"""The next round lies inside a forecast's interval this often."""

# Student's t: the 0.9 quantile (for 80 % both sides) by degrees of freedom, 1 to NEWEST - 1.
_T: Final = (3.0777, 1.8856, 1.6377, 1.5332)


@dataclass(frozen=True)
class Effort:
    """What people gave for a round.

    Attributes:
        decisions: Answers given.
        timed: Answers whose time is known.
        seconds: The time of these in all, each cut at `LONGEST`.
        median: Seconds that half of these took less than; None when no time is known.
    """

    decisions: int
    timed: int
    seconds: float
    median: float | None

    @property
    def mean(self) -> float | None:
        """Seconds per decision, the mean: what a total is made of."""
        return self.seconds / self.timed if self.timed else None

    @property
    def per_hour(self) -> float | None:
        """Decisions in an hour of one labeler's work."""
        return 3600 / self.mean if self.mean else None

    def decisions_per(self, accepted: int) -> float | None:
        """Decisions for each accepted image; None before the first such image."""
        return self.decisions / accepted if accepted else None

    def seconds_per(self, accepted: int) -> float | None:
        """Seconds of labelers for each accepted image: those not timed count like the mean."""
        if self.mean is None or not accepted:
            return None
        return self.mean * self.decisions / accepted


@dataclass(frozen=True)
class Forecast:
    """What the next round will probably cost.

    Attributes:
        expected: The median of the forecast.
        low, high: In between lies the next round's cost with a probability of `CONFIDENCE`.
        rounds: How many rounds it is made of.
    """

    expected: float
    low: float
    high: float
    rounds: int


def forecast(costs: Sequence[float]) -> Forecast | None:
    """The cost of the next round, from those of the closed rounds before it.

    The logarithms of the newest costs count as draws from one normal distribution with unknown mean
    and spread, so the next one follows Student's t. The spread holds both what differs between
    rounds and the chance of each round's answers. It knows no trend: a pool that runs dry costs
    more than this says.

    Args:
        costs: Of the closed rounds in their order, each above 0.

    Returns:
        None with fewer than `LEAST` rounds.
    """
    newest = [log(cost) for cost in costs[-NEWEST:]]
    if len(newest) < LEAST:
        return None
    middle = fmean(newest)
    half = _T[len(newest) - 2] * stdev(newest) * sqrt(1 + 1 / len(newest))
    return Forecast(exp(middle), exp(middle - half), exp(middle + half), len(newest))
